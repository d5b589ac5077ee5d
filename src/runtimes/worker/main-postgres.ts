/** The Worker with PostgreSQL behind Hyperdrive: `main` of `wrangler.jsonc` for those who bind `HYPERDRIVE`. */
import "./postgres.ts";
import { createWorker } from "./index.ts";

export { ConversationObject } from "./index.ts";

export default createWorker();
