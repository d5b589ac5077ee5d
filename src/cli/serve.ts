/** `itera serve`: runs the server until it is told to stop. */
import { readConfig } from "../runtimes/node/config.ts";
import type { Command } from "./command.ts";

/** The command. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Run the server",
  words: "",
  wordCount: [0, 0],
  options: {
    host: { value: "HOST", about: "Where to listen (default: HOST, else 127.0.0.1)" },
    port: { value: "N", about: "Its port (default: PORT, else 8787); 0: any that is free" },
  },
  examples: [
    ["itera serve", "serves on http://127.0.0.1:8787 and keeps conversations in ./data"],
    ["itera serve --port 0 --json", "on any free port, which it prints as JSON"],
  ],
  async run(input, output) {
    const { serve } = await import("../runtimes/node/serve.ts");
    const [host, port] = [input.text("host"), input.text("port")];
    const env = { ...process.env, ...(host !== undefined && { HOST: host }), ...(port !== undefined && { PORT: port }) };
    return serve(readConfig({ env }), { json: output.json });
  },
};
