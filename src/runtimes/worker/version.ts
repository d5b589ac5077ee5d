/** The version of this package, written down since a Worker reads no files; a test compares it with `package.json`. */
export const VERSION = "0.1.0";
