// What the benchmarks say: messages and states of the size that a chat of a support desk has.

/** The window that a chatbot's model is given. */
export const WINDOW = 20;

/** What a conversation begins with. */
export const METADATA = {
  source: "chatbot_widget",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  clientIP: "192.0.2.17",
};

/** The chatbot's state. */
export const SESSION = {
  step: "contact",
  context: { matter: "printer", urgency: "high", asked: ["matter", "urgency"] },
  leadData: { name: "Maria Rossi", phone: "+39 02 555" },
};

/** One message. */
export type Said = { role: string; content: string };

/** A message that is no other's repeat. */
export function said(role: string, number: number): Said {
  return {
    role,
    content: `${role} ${number}: the printer on the second floor prints empty pages since this morning, can somebody come and look at it?`,
  };
}
