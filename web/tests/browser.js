// Chromium, the people who use it, and what must hold on every page they see.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { network, patience } from './house.js';

const require = createRequire(import.meta.url);
const { CspEvaluator } = require('csp_evaluator');
const { CspParser } = require('csp_evaluator/dist/parser.js');
const { Severity } = require('csp_evaluator/dist/finding.js');

const executable = process.env.OSTIARY_TEST_CHROMIUM ?? '/usr/bin/chromium';

/** Why there can be no browser, or undefined. */
export const missing = existsSync(executable) ? undefined : `no Chromium at ${executable} (OSTIARY_TEST_CHROMIUM names another)`;

export const launch = () => chromium.launch({
  executablePath: executable,
  args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});

const phone = { width: 320, height: 640 };
const desktop = { width: 1280, height: 800 };

/** The ways in which every journey is made. */
export const manners = {
  'at a desk': { viewport: desktop },
  'without scripts': { viewport: desktop, javaScriptEnabled: false },
  'on a small phone, in the dark, from right to left': { viewport: phone, colorScheme: 'dark', locale: 'ar-XB' },
};
const plain = Object.keys(manners)[0];

/** Those in which passkeys work. */
export const scripted = Object.keys(manners).filter((manner) => manners[manner].javaScriptEnabled !== false);

/** Runs in every page before its own scripts: counts what moved and says aloud what a policy refused. */
const watch = () => {
  globalThis.moved = new PerformanceObserver(() => {});
  globalThis.moved.observe({ type: 'layout-shift', buffered: true });
  document.addEventListener('securitypolicyviolation', (event) => {
    console.error(`policy violation: ${event.effectiveDirective} refused ${event.blockedURI} ${event.sample}`);
  });
};

/** Somebody with a browser of their own: own cookies, own network. Whatever goes wrong in a page is kept in faults. */
export class Person {
  static async arrive(world, manner = plain, options = {}) {
    const person = new Person();
    Object.assign(person, { world, manner, faults: [] });
    person.context = await world.browser.newContext({
      baseURL: world.house.origin, reducedMotion: 'reduce', extraHTTPHeaders: { 'X-Forwarded-For': network() }, ...manners[manner], ...options,
    });
    person.context.setDefaultTimeout(patience);
    await person.context.addInitScript(watch);
    person.context.on('request', (request) => person.asked(request));
    person.context.on('response', (response) => person.got(response));
    person.context.on('console', (message) => person.heard(message));
    person.context.on('weberror', (error) => person.away(error.page()?.url() ?? '') || person.faults.push(`script: ${error.error()}`));
    person.page = await person.context.newPage();
    person.devtools = await person.context.newCDPSession(person.page); // one: the end of any ends its authenticators
    return person;
  }

  /** Goes, and fails if anything went wrong on a page on the way. */
  async leave() {
    await this.context.close();
    assert.deepEqual(this.faults, []);
  }

  /** Whether something happened on a page of somebody else, which is not judged. */
  away(address) {
    return (this.world.elsewhere ?? []).some((origin) => address.startsWith(`${origin}/`));
  }

  asked(request) {
    if (!request.isNavigationRequest() && this.away(request.frame().url())) return;
    const url = new URL(request.url());
    const known = [this.world.house.origin, ...(this.world.elsewhere ?? [])];
    if (url.protocol !== 'data:' && !known.includes(url.origin)) this.faults.push(`a request to ${url.origin}`);
  }

  got(response) {
    const request = response.request();
    if (this.away(response.url())) return;
    if (!request.isNavigationRequest()) {
      if (this.away(request.frame().url())) return;
      if (response.status() >= 400) this.faults.push(`${response.status()} for ${response.url()}`);
    } else if (response.status() < 300 || response.status() >= 400) {
      this.document = response;
    }
  }

  heard(message) {
    if (!['error', 'warning'].includes(message.type())) return;
    if (this.away(message.location().url) || this.away(message.page()?.url() ?? '')) return;
    if (message.text().startsWith('Failed to load resource: the server responded with')) return; // got() judges those
    this.faults.push(`console, at ${message.location().url}: ${message.text()}`);
  }

  get path() {
    return new URL(this.page.url()).pathname;
  }

  async open(link) {
    await this.page.goto(link, { waitUntil: 'load' });
  }

  /** Fills fields by their names. */
  async fill(fields) {
    for (const [name, value] of Object.entries(fields)) await this.page.locator(`main [name="${name}"]`).fill(value);
  }

  /** Sends the form, by the first button of its kind, and waits for the page that it leads to. */
  async send(button = 'main form button:not([type="button"])') {
    await this.next(() => this.page.locator(button).first().click());
  }

  /** Does what leads to another page, and waits for that page. */
  async next(act) {
    const next = this.page.waitForResponse((response) => response.request().isNavigationRequest() && (response.status() < 300 || response.status() >= 400));
    await act();
    await next;
    await this.page.waitForLoadState('load');
  }

  /** Types into the field that has the focus, which a page gives to its first one a moment after it has loaded. */
  async type(text) {
    const field = this.page.locator('input:focus');
    for (let tries = 0; (await field.count()) === 0; tries++) {
      assert.ok(tries < 500, 'no field has the focus');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await this.page.keyboard.type(text);
  }

  /** The session cookie of an app. On http://localhost cookies go without their prefix. */
  async session(app = 'default') {
    return (await this.context.cookies()).find((cookie) => cookie.name === `ostiary-${app}`)?.value;
  }

  /** Judges the page as it stands, under a name, and takes its pictures. */
  async look(name) {
    const pictures = this.world.pictures;
    await this.sound(name);
    if (this.manner !== plain) {
      await pictures.take(this.page, name, this.manner);
      return;
    }
    for (const [size, viewport] of [['desktop', desktop], ['phone', phone]]) {
      await this.page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark']) {
        await this.page.emulateMedia({ colorScheme });
        if (size !== 'desktop' || colorScheme !== 'light') await this.sound(`${name}, ${size}, ${colorScheme}`, colorScheme === 'dark' ? ['color-contrast'] : undefined);
        await pictures.take(this.page, name, `${size} ${colorScheme}`);
      }
    }
    await this.page.setViewportSize(desktop);
    await this.page.emulateMedia({ colorScheme: 'light' });
    this.world.seen.add(name);
  }

  /** What holds on every page, in whatever size, colour or direction. rules are those of axe-core; none: all. */
  async sound(name, rules) {
    const faults = [...await accessible(this.devtools, rules), ...policy(this.document.headers()['content-security-policy'], this.world.elsewhere)];
    const shape = await this.page.evaluate(() => ({
      wide: document.scrollingElement.scrollWidth - document.documentElement.clientWidth,
      direction: getComputedStyle(document.body).direction,
      language: document.documentElement.lang,
      headings: document.querySelectorAll('h1').length,
      moved: globalThis.moved?.takeRecords().filter((shift) => !shift.hadRecentInput).reduce((sum, shift) => sum + shift.value, 0) ?? 0,
      small: [...document.querySelectorAll('main button, main input:not([type="hidden"]):not([type="checkbox"]):not([type="radio"]), main select')]
        .filter((control) => control.checkVisibility() && control.getBoundingClientRect().height < 44).map((control) => control.outerHTML),
    }));
    if (shape.wide > 0) faults.push(`${shape.wide} px too wide`);
    if (shape.moved > 0) faults.push(`things moved: ${shape.moved}`);
    if (shape.headings !== 1) faults.push(`${shape.headings} first headings`);
    for (const control of shape.small) faults.push(`less than 44 px high: ${control}`);
    const mirrored = manners[this.manner].locale === 'ar-XB';
    if ((shape.direction === 'rtl') !== mirrored) faults.push(`reads ${shape.direction} in ${shape.language}`);
    assert.deepEqual(faults, [], name);
  }
}

/** What axe-core finds, in a world of its own beside the page's: the page's policy neither hinders nor notices it. */
async function accessible(devtools, rules) {
  const { frameTree } = await devtools.send('Page.getFrameTree');
  const { executionContextId: contextId } = await devtools.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
  // Without scripts a page has no timers; axe-core wants to be called at once, and its long ones are deadlines.
  const timers = 'globalThis.setTimeout = (f, wait = 0) => { if (wait < 100) Promise.resolve().then(f); return 0; };';
  await devtools.send('Runtime.evaluate', { contextId, expression: timers + axe.source });
  const options = JSON.stringify({ preload: false, resultTypes: ['violations'], ...(rules && { runOnly: rules }) });
  const { result, exceptionDetails } = await devtools.send('Runtime.evaluate', {
    contextId, awaitPromise: true, returnByValue: true,
    expression: `axe.run(document, ${options}).then((found) => found.violations.flatMap((rule) =>
      rule.nodes.map((node) => 'axe ' + rule.id + ': ' + node.html + ' ' + node.failureSummary)))`,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

/**
 * What the CSP evaluator finds: everything that is, or may be, of medium severity or above, or no valid policy. Sites of
 * others that stand on this machine here stand for ones on https.
 */
function policy(header, elsewhere) {
  if (!header) return ['no Content-Security-Policy'];
  for (const origin of elsewhere) header = header.replaceAll(origin, origin.replace('http:', 'https:'));
  return new CspEvaluator(new CspParser(header).csp).evaluate()
    .filter((finding) => finding.severity <= Severity.MEDIUM_MAYBE)
    .map((finding) => `policy: ${finding.directive} ${finding.value ?? ''} ${finding.description}`);
}
