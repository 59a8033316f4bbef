// Opens the contract's page in Chromium and tells what it saw, as JSON.
//
//   browse.mjs URL FOLDER < cases.json     cases: [[envelope, properties], ...]; pictures go into FOLDER
import { readFileSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";

const [url, folder] = process.argv.slice(2);
const cases = JSON.parse(readFileSync(0, "utf8"));
const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 900 } };
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const troubles = [];
const requests = [];

// Open the page anew; everything that it asks for, and everything that it complains of, is noted.
async function open(options, before) {
  const context = await browser.newContext(options);
  if (before) await context.addInitScript(before);
  const page = await context.newPage();
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => troubles.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(String(error)));
  await page.goto(url, { waitUntil: "load" });
  return page;
}

const opened = (page) => page.evaluate(() => document.querySelectorAll("main details").forEach((one) => (one.open = true)));

// What is wider than the screen, unless it scrolls within itself.
const tooWide = (page) =>
  page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const scrolls = (one) => one.closest("pre, textarea") !== null;
    const found = [...document.body.querySelectorAll("*")].filter(
      (one) => !scrolls(one) && !one.closest(".skip") && one.getBoundingClientRect().right > innerWidth + 0.5,
    );
    return { wide, found: found.slice(0, 5).map((one) => one.outerHTML.slice(0, 200)) };
  });

async function looks() {
  const seen = {};
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, viewport] of Object.entries(SIZES)) {
      const page = await open({ viewport, colorScheme, reducedMotion: "reduce" });
      const [text, back] = await page.evaluate(() => {
        const style = getComputedStyle(document.body);
        return [style.color, style.backgroundColor];
      });
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
      await opened(page);
      const wide = await tooWide(page);
      await page.evaluate(axe.source);
      const faults = await page.evaluate(async () => {
        const told = await globalThis.axe.run(document, { resultTypes: ["violations"] });
        return told.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((one) => one.html.slice(0, 200)).join(" | ")}`);
      });
      seen[`${name} ${colorScheme}`] = { text, back, wide, faults };
      await page.context().close();
    }
  }
  return seen;
}

async function tabs() {
  const page = await open({ viewport: SIZES.desktop });
  await opened(page);
  const shared = page.locator("#code-shared");
  const program = () => shared.locator("code").textContent();
  const programs = {};
  for (const tab of await shared.getByRole("tab").all()) {
    await tab.click();
    programs[await tab.getAttribute("data-language")] = await program();
  }
  await shared.getByRole("tab", { name: "Python" }).click();
  await page.keyboard.press("ArrowLeft");
  const wrapped = await page.evaluate(() => document.activeElement.dataset.language);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  const second = await page.evaluate(() => document.activeElement.dataset.language);
  const chosen = await page.locator('[role="tab"][aria-selected="true"]').evaluateAll((all) => [...new Set(all.map((one) => one.dataset.language))]);
  const others = await page.locator(".operation .programs").evaluateAll((all) =>
    Object.fromEntries(all.map((one) => [one.dataset.operation, one.querySelector("code").textContent])),
  );
  await page.context().close();
  return { programs, wrapped, second, chosen, others };
}

async function copies() {
  const copied = [];
  const without = () => Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
  for (const before of [undefined, without]) {
    const page = await open({ viewport: SIZES.desktop, permissions: ["clipboard-read", "clipboard-write"] }, before);
    const figure = page.locator("figure.sample", { has: page.locator("code") }).first();
    const shown = await figure.locator("code").textContent();
    const status = await figure.getByRole("status").elementHandle();
    await figure.getByRole("button", { name: "Copy" }).click();
    const said = await (await page.waitForFunction((one) => one.textContent, status)).jsonValue();
    await page.locator("#envelope").focus();
    await page.keyboard.press("Control+V");
    copied.push({ shown, pasted: await page.locator("#envelope").inputValue(), said });
    await page.context().close();
  }
  return copied;
}

async function checks() {
  const page = await open({ viewport: SIZES.desktop });
  const verdicts = [];
  for (const [text, properties] of cases) {
    for (const input of await page.locator("[data-property]").all()) {
      await input.evaluate((one, value) => (one.value = value), properties[await input.getAttribute("data-property")] ?? "");
    }
    // Bounded by the driver's own 30 seconds: the verdict comes a moment after the last key.
    await page.locator("#verdict").evaluate((one) => (one.dataset.outcome = "waiting"));
    await page.locator("#envelope").fill(text);
    await page.locator('#verdict:not([data-outcome="waiting"])').waitFor();
    verdicts.push({
      outcome: await page.locator("#verdict").getAttribute("data-outcome"),
      line: await page.locator("#verdict-line").textContent(),
      more: await page.locator("#verdict-more").textContent(),
    });
  }
  for (const input of await page.locator("[data-property]").all()) await input.evaluate((one) => (one.value = ""));
  await page.locator("#example").selectOption({ index: 1 });
  const example = await page.locator("#verdict-line").textContent();
  await page.locator(".operation").first().getByRole("button", { name: "in the envelope checker" }).click();
  const button = await page.locator("#verdict-line").textContent();
  await page.context().close();
  return { verdicts, example, button };
}

async function byKeyboard() {
  const page = await open({ viewport: SIZES.desktop });
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press("Enter");
  const target = await page.evaluate(() => document.activeElement.id);
  const reached = [];
  while (reached.length < 1000) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => {
      const one = document.activeElement;
      const label = one.id || one.getAttribute("aria-label") || one.textContent.trim().slice(0, 60);
      return one === document.body ? null : { label, outlined: getComputedStyle(one).outlineStyle !== "none" };
    });
    if (!place) break;
    reached.push(place);
  }
  await page.context().close();
  return { first, target, reached };
}

async function withoutScript() {
  const page = await open({ viewport: SIZES.phone, javaScriptEnabled: false });
  const text = await page.locator("main").innerText();
  const checker = await page.locator(".checker").isVisible();
  const programs = await page.locator("#code-shared figure").count();
  await page.context().close();
  return { text, checker, programs };
}

try {
  const told = {
    looks: await looks(),
    tabs: await tabs(),
    copies: await copies(),
    checks: await checks(),
    keyboard: await byKeyboard(),
    bare: await withoutScript(),
    version: browser.version(),
  };
  process.stdout.write(JSON.stringify({ ...told, requests, troubles }));
} finally {
  await browser.close();
}
