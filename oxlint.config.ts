// What `npm run lint` checks. The import table is in `scripts/import-table.ts`.

import { defineConfig } from "oxlint";
import { PORTABLE } from "./scripts/import-table.ts";

const within = (room: string): string => (room.endsWith(".ts") ? room : `${room}/**`);
const NODE_GLOBALS = [
  "process",
  "Buffer",
  "global",
  "require",
  "module",
  "exports",
  "__dirname",
  "__filename",
  "setImmediate",
  "clearImmediate",
];

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "promise", "vitest"],
  jsPlugins: ["./scripts/import-rule.ts"],
  categories: { correctness: "error" },
  options: { typeAware: true },
  ignorePatterns: ["node_modules", "dist", "coverage"],
  rules: {
    "rooms/imports": "error",
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-explicit-any": "error",
    "typescript/ban-ts-comment": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
  },
  overrides: [
    {
      files: PORTABLE.map(within),
      excludeFiles: ["**/*.test.ts"],
      rules: {
        "no-restricted-globals": [
          "error",
          ...NODE_GLOBALS.map((name) => ({ name, message: "this room runs in browsers and Workers too" })),
        ],
      },
    },
    { files: ["**/*.test.ts"], rules: { "max-lines": ["error", { max: 500, skipBlankLines: true, skipComments: true }] } },
    {
      // the one place from which tests are skipped, and the one from which tests are made of data
      files: ["test/engines.ts", "test/security/case-table.ts"],
      rules: { "vitest/no-disabled-tests": "off", "vitest/no-conditional-tests": "off", "vitest/valid-title": "off" },
    },
    {
      files: [
        "*.config.ts",
        "scripts/import-rule.ts",
        "src/classic/**",
        "src/runtimes/node/app.ts",
        // Where Cloudflare looks for a Worker's handlers.
        "src/runtimes/worker/main*.ts",
        "examples/chatbot-worker/**",
        "bench/object-worker.ts",
        "test/workers/**",
        "test/workers-postgres/**",
      ],
      rules: { "import/no-default-export": "off" },
    },
  ],
});
