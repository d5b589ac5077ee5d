/**
 * A scripted support assistant in Italian and English: greeting, what is the matter, urgency, contact details, summary,
 * "start again". It is a pure function of the session and of what was said, so it can be told apart from where chats are kept.
 */

/** What the assistant needs of a session; it moves `step` and fills `context` and `leadData`. */
export interface Talk {
  step: unknown;
  context: { [key: string]: unknown };
  leadData: { [key: string]: unknown };
}

type Language = "it" | "en";

const TEXTS = {
  it: {
    greeting: "Buongiorno! Sono l'assistente di IT-ERA. Di che cosa ha bisogno?",
    urgency: "Capisco. È urgente? Risponda: sì, no, oppure bloccato se non si può lavorare.",
    contact: "A chi posso far richiamare? Mi lasci un numero di telefono o un indirizzo e-mail.",
    contactAgain: "Non riconosco né un numero di telefono né un indirizzo e-mail. Può riscriverlo?",
    summary: (matter: string, urgency: string, contact: string) =>
      `Riepilogo: «${matter}», urgenza ${urgency}, contatto ${contact}. Un tecnico la richiamerà. Scriva «ricominciamo» per un'altra richiesta.`,
    done: "La sua richiesta è registrata. Scriva «ricominciamo» per farne un'altra.",
    urgencies: { high: "alta", normal: "normale", blocked: "massima" },
  },
  en: {
    greeting: "Hello! I am IT-ERA's assistant. What can I do for you?",
    urgency: "I see. Is it urgent? Answer yes, no, or blocked if nobody can work.",
    contact: "Whom shall we call back? Please leave a telephone number or an e-mail address.",
    contactAgain: "I see neither a telephone number nor an e-mail address in that. Could you write it again?",
    summary: (matter: string, urgency: string, contact: string) =>
      `Summary: "${matter}", urgency ${urgency}, contact ${contact}. A technician will call you. Write "start again" for another request.`,
    done: 'Your request is recorded. Write "start again" to make another one.',
    urgencies: { high: "high", normal: "normal", blocked: "highest" },
  },
} as const;

const START_AGAIN = /\b(ricominci\w*|da capo|start again|start over|restart)\b/i;
const ENGLISH = /\b(the|is|are|my|we|i|can|can't|not|hello|hi|please|help|yes)\b/i;
const ITALIAN = /\b(il|lo|la|non|è|sono|ciao|buon\w*|ho|mi|per|sì|aiuto|vorrei)\b/i;

function languageOf(talk: Talk, text: string): Language {
  const known = talk.context["language"];
  if (known === "it" || known === "en") return known;
  const language = ENGLISH.test(text) && !ITALIAN.test(text) ? "en" : "it";
  talk.context["language"] = language;
  return language;
}

function contactIn(text: string): { email: string } | { phone: string } | null {
  const email = /[^\s@<>]+@[^\s@<>]+\.[a-z]{2,}/i.exec(text)?.[0];
  if (email) return { email };
  const phone = /\+?\d[\d\s./-]{5,}\d/.exec(text)?.[0];
  return phone ? { phone } : null;
}

/** What the assistant answers; it leaves in the talk where it is now. */
export function reply(talk: Talk, text: string): string {
  const said = text.trim();
  const texts = TEXTS[languageOf(talk, said)];
  if (START_AGAIN.test(said)) {
    talk.step = "matter";
    delete talk.context["matter"];
    delete talk.context["urgency"];
    return texts.greeting;
  }
  switch (talk.step) {
    case "greeting":
      talk.step = "matter";
      return texts.greeting;
    case "matter":
      talk.context["matter"] = said;
      talk.step = "urgency";
      return texts.urgency;
    case "urgency": {
      const blocked = /\b(blocc\w*|blocked|down|fermi?)\b/i.test(said);
      talk.context["urgency"] = blocked ? "blocked" : /^(s[iì]|yes|y|urgent\w*)(?!\p{L})/iu.test(said) ? "high" : "normal";
      talk.step = "contact";
      return texts.contact;
    }
    case "contact": {
      const contact = contactIn(said);
      if (!contact) return texts.contactAgain;
      Object.assign(talk.leadData, contact);
      talk.step = "summary";
      const urgency = texts.urgencies[talk.context["urgency"] as keyof typeof texts.urgencies] ?? texts.urgencies.normal;
      const matter = talk.context["matter"];
      return texts.summary(typeof matter === "string" ? matter : "", urgency, Object.values(contact).join(""));
    }
    default:
      return texts.done;
  }
}
