/** The Worker that `wrangler.jsonc` deploys: the whole API, its cron, and the class of its objects. */
import { createWorker } from "./index.ts";

export { ConversationObject } from "./index.ts";

export default createWorker();
