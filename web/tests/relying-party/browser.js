// A person at a browser without scripts: cookies, redirects, forms.
import { issuer, password } from './house.js';

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' };

function plain(text) {
  return text.replace(/&(amp|lt|gt|quot|#34|#39|#43);/g, (_, name) => entities[name]);
}

function attributes(tag) {
  const out = {};
  for (const [, name, , value] of tag.matchAll(/([\w-]+)(=(?:"([^"]*)"|[^\s">]+))?/g)) out[name] = plain(value ?? '');
  return out;
}

/** The forms of a page: {action, fields, buttons}. */
function forms(html, base) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, tag, inside]) => {
    const form = { action: new URL(attributes(tag).action ?? '', base), fields: {}, buttons: [] };
    for (const [, input] of inside.matchAll(/<input\b([^>]*)>/g)) {
      const { name, value = '', type, checked } = attributes(input);
      if (name && (type !== 'checkbox' || checked !== undefined)) form.fields[name] = value;
    }
    for (const [, button] of inside.matchAll(/<button\b([^>]*)>/g)) form.buttons.push(attributes(button));
    return form;
  });
}

export class Browser {
  #cookies = new Map();

  constructor(person) {
    this.person = person;
  }

  /** Opens an address and follows it to a page, or out of the house. Answers {url, status, html, forms, onward}; with `away` set if
   * it leads out: a URL, or a Request if a form leads there. */
  async open(url, form) {
    for (let hops = 0; hops < 12; hops++) {
      const target = new URL(url, issuer);
      if (target.origin !== issuer) return { url: target, away: target };
      const response = await fetch(target, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: {
          Accept: 'text/html,*/*;q=0.8', 'Accept-Language': 'en', 'Sec-Fetch-Mode': 'navigate',
          Cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...(form && { Origin: issuer, 'Sec-Fetch-Site': 'same-origin' }),
        },
        body: form && new URLSearchParams(form),
      });
      this.#keep(response.headers.getSetCookie());
      const location = response.headers.get('Location');
      if (response.status >= 300 && response.status < 400 && location) {
        await response.body?.cancel();
        url = new URL(location, target);
        form = undefined;
        continue;
      }
      return this.#page(target, response);
    }
    throw new Error(`${url} redirects for ever`);
  }

  async #page(url, response) {
    const html = await response.text();
    const page = { url, status: response.status, html, headers: response.headers, forms: forms(html, url) };
    page.onward = [...html.matchAll(/<a\b([^>]*)>/g)].map(([, tag]) => attributes(tag))
      .find((link) => link.class === 'button' && !new URL(link.href, url).href.startsWith(`${issuer}/my`))?.href; // on the way back to a client
    const out = page.forms.find((form) => form.action.origin !== issuer);
    if (out) { // form_post: a script would send it at once
      page.away = new Request(out.action, { method: 'POST', body: new URLSearchParams(out.fields) });
    }
    return page;
  }

  #keep(headers) {
    for (const header of headers) {
      const [pair, ...rest] = header.split(';');
      const name = pair.slice(0, pair.indexOf('=')).trim();
      const value = pair.slice(pair.indexOf('=') + 1);
      if (value === '' || rest.some((one) => /^\s*max-age=0/i.test(one))) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  /** Goes on from an address as far as the person can: signs in, and presses the first button with one of the values. Answers what led out of the
   * house, and in `seen` the pages that were shown on the way. */
  async go(url, presses = ['approve']) {
    const seen = [];
    let page = await this.open(url);
    for (let steps = 0; !page.away; steps++) {
      seen.push(page.url.pathname);
      const next = this.#next(page, presses);
      if (!next && !page.onward || steps > 12) return { page, seen };
      page = await (next ? this.open(next.action, next.fields) : this.open(page.onward));
    }
    return { away: page.away, seen };
  }

  /** The form that the person would send on a page. */
  #next(page, presses) {
    const typed = { identifier: this.person.email, password, current_password: password };
    for (const form of page.forms) {
      const wanted = Object.keys(form.fields).filter((name) => name in typed);
      if (wanted.length > 0) {
        for (const name of wanted) form.fields[name] = typed[name];
        return form;
      }
      const button = form.buttons.find((one) => presses.includes(one.value));
      if (button) {
        form.fields[button.name] = button.value;
        return form;
      }
    }
    return undefined;
  }
}
