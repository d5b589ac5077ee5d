/** `ConversationIDGenerator` under the name of the module that older code imports. */
import { ConversationIDGenerator } from "../core/id.ts";

export { ConversationIDGenerator };
export default ConversationIDGenerator;
