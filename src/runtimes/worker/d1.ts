/** D1 behind `CONVERSATIONS_DB`: importing this makes the binding count. */
import { d1Stores } from "../../adapters/d1/d1-stores.ts";
import { openD1With } from "./behind.ts";

openD1With((database, idPrefix) => {
  const { archive, directory, records } = d1Stores({ database, idPrefix });
  return { archive, directory, records };
});
