// An identity provider outside the house: the npm package oidc-provider, in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const client = { client_id: 'ostiary', client_secret: 'a-secret-of-tests-that-is-long-enough', id_token_signed_response_alg: 'ES256' };

export class Upstream {
  /** Starts one that brings its people back to these addresses. */
  static async open(...redirectURIs) {
    const upstream = new Upstream();
    upstream.people = {};
    upstream.process = spawn(process.execPath, [fileURLToPath(new URL('upstream/server.js', import.meta.url))], { stdio: ['pipe', 'pipe', 'ignore'] });
    upstream.lines = createInterface({ input: upstream.process.stdout })[Symbol.asyncIterator]();
    const { issuer } = await upstream.tell({ client: { ...client, redirect_uris: redirectURIs }, people: {} });
    upstream.issuer = issuer;
    return upstream;
  }

  async tell(message) {
    this.process.stdin.write(`${JSON.stringify(message)}\n`);
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error('the provider has ended');
      if (value.startsWith('> ')) return JSON.parse(value.slice(2)); // the package itself writes there too
    }
  }

  /** Says who somebody is, by the name they sign in with. */
  async know(login, person) {
    this.people[login] = person;
    await this.tell({ people: this.people });
  }

  /** Makes it a provider of the default app. */
  async connect(house, name, title, extra = {}) {
    await house.must('POST', '/providers', { name, kind: 'oidc', title, issuer: this.issuer, client_id: client.client_id,
      client_secret: client.client_secret, ...extra }, { token: await house.admin() });
  }

  /** Walks a person through the provider's own pages. */
  async walk(person, login) {
    await person.page.locator('[name="login"]').fill(login);
    await person.page.locator('[name="password"]').fill('not looked at');
    await person.page.locator('[type="submit"]').click();
    await person.page.locator('[type="submit"]').filter({ hasText: 'Continue' }).click();
  }

  async close() {
    this.process.stdin.end();
    if (this.process.exitCode === null) await once(this.process, 'exit');
  }
}
