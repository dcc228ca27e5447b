/** Debian's Chromium for the tests of the page: opens it once a file, and notes what a page must never do. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const found = PATHS.find((path) => existsSync(path));

/** Why the tests of a file are skipped; false: they run. */
export const skip = found === undefined ? "needs Chromium (apt-get install chromium)" : false;

/** The sandbox needs rights that root of a container gives away. */
const isRoot = process.getuid?.() === 0;

/** A browser, which the file closes by `lastly`. Null if the tests are skipped. */
export async function startBrowser(): Promise<Browser | null> {
  if (found === undefined) return null;
  return chromium.launch({ executablePath: found, args: isRoot ? ["--no-sandbox"] : [] });
}

export interface Visit {
  page: Page;
  /** Addresses of other hosts that were asked, reports of the content security policy, and errors of scripts. */
  offences: () => Promise<string[]>;
  close: () => Promise<void>;
}

/** What reports of the policy leave in a page. */
const NOTE_REPORTS = `addEventListener("securitypolicyviolation", (event) => {
  (globalThis.reports ??= []).push(event.violatedDirective + " " + event.blockedURI);
});`;

/** Opens an address in a window of its own, without what other windows have stored. `before`: what is done before it loads. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  before?: (page: Page) => Promise<void>,
): Promise<Visit> {
  const context = await browser.newContext({
    reducedMotion: "reduce",
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(10_000);
  await context.addInitScript(NOTE_REPORTS);
  const { origin } = new URL(url);
  const noted: string[] = [];
  context.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(`${origin}/`) && !address.startsWith("data:")) noted.push(`request: ${address}`);
  });
  context.on("weberror", (error) => noted.push(`error: ${error.error().stack}`));
  const page = await context.newPage();
  await before?.(page);
  await page.goto(url);
  const offences = async () => [...noted, ...(await page.evaluate<string[]>("globalThis.reports ?? []"))];
  return { page, offences, close: () => context.close() };
}

const require = createRequire(import.meta.url);
const AXE = skip ? "" : readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

interface AxeResults {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
}

/** The rules of accessibility that a page breaks, one a line. */
export async function barriers(page: Page): Promise<string[]> {
  if (await page.evaluate("globalThis.axe === undefined")) await page.evaluate(`(() => { ${AXE} })()`);
  const { violations } = await page.evaluate<AxeResults>("axe.run({ resultTypes: ['violations'] })");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.replace(/\s+/g, " ")}`),
  );
}
