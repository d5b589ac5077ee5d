// Wrangler bundles HTML files as texts.

declare module "*.html" {
  const text: string;
  // oxlint-disable-next-line import/no-default-export
  export default text;
}
