// A relying party: a program on this machine that lets people sign in at the house, as a client of it.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { network, until } from './house.js';

const random = () => randomBytes(32).toString('base64url');

export class Party {
  /** Starts one. It notes what browsers bring to /callback and what they load at /out, and has an API. */
  static async open(house) {
    const party = new Party();
    Object.assign(party, { house, answers: [], out: 0 });
    party.server = createServer(async (request, response) => {
      const url = new URL(request.url, party.origin);
      let body = '';
      for await (const part of request) body += part;
      if (url.pathname === '/callback') {
        const form = request.method === 'POST';
        party.answers.push({ method: request.method, ...Object.fromEntries(form ? new URLSearchParams(body) : url.searchParams) });
      }
      if (url.pathname === '/out') party.out++;
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end('<!doctype html><html lang="en"><title>The party</title><h1>The party</h1></html>');
    }).listen(0, '127.0.0.1');
    await once(party.server, 'listening');
    party.origin = `http://127.0.0.1:${party.server.address().port}`;
    party.api = 'https://lists.example.com';
    await house.command('resources', 'create', party.api, 'Reading lists', '--scope', 'lists:read=See your reading lists');
    return party;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** Makes it known to the house, by the command; answers the client. */
  async register(name, ...flags) {
    return this.house.command('clients', 'create', name, '--redirect', `${this.origin}/callback`, '--post-logout', `${this.origin}/bye`, ...flags);
  }

  /** Lets a client make itself known, with a token of the operator; answers the client. */
  async registerItself(name) {
    const { token } = await this.house.command('registration-tokens', 'create', name);
    const response = await fetch(`${this.house.origin}/oauth2/register`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, 'X-Forwarded-For': network() },
      body: JSON.stringify({ client_name: name, redirect_uris: [`${this.origin}/callback`], token_endpoint_auth_method: 'client_secret_post',
        client_uri: 'https://finder.example.com', policy_uri: 'https://finder.example.com/privacy', scope: 'openid email lists:read' }),
    });
    const { client_id: id, client_secret, ...rest } = await response.json();
    assert.equal(response.status, 201, JSON.stringify(rest));
    return { id, client_secret };
  }

  /** A request of a client: the address to send people to, and what is needed for what they bring back. */
  request(client, extra = {}) {
    const [state, verifier, nonce] = [random(), random(), random()];
    const url = new URL('/oauth2/authorize', this.house.origin);
    url.search = new URLSearchParams({
      response_type: 'code', client_id: client.id, redirect_uri: `${this.origin}/callback`, scope: 'openid profile email', state, nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...extra,
    });
    return { client, link: url.href, state, verifier, nonce };
  }

  /** What came back for a request; waits for it. It comes once, and says who answers. */
  async answer(request) {
    const mine = await until('an answer', () => {
      const found = this.answers.filter(({ state }) => state === request.state);
      return found.length > 0 && found;
    });
    assert.equal(mine.length, 1);
    assert.equal(mine[0].iss, this.house.origin);
    return mine[0];
  }

  /** Redeems the code that came back; answers {tokens, about}: what the house says of the person. */
  async redeem(request) {
    const { code, error } = await this.answer(request);
    assert.ok(code, error);
    const tokens = await this.token(request.client, {
      grant_type: 'authorization_code', code, redirect_uri: `${this.origin}/callback`, code_verifier: request.verifier,
    });
    const claims = JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url'));
    assert.equal(claims.nonce, request.nonce);
    const response = await fetch(`${this.house.origin}/oauth2/userinfo`, { headers: { Authorization: `Bearer ${tokens.access_token}`, 'X-Forwarded-For': network() } });
    const about = await response.json();
    assert.equal(about.sub, claims.sub);
    return { tokens, about };
  }

  /** Calls the token endpoint for a client; answers what it says. */
  token(client, fields) {
    return this.post('/oauth2/token', client, fields);
  }

  async post(path, client, fields) {
    const own = { ...fields, client_id: client.id, ...(client.client_secret && { client_secret: client.client_secret }) };
    const response = await fetch(this.house.origin + path, { method: 'POST', headers: { 'X-Forwarded-For': network() }, body: new URLSearchParams(own) });
    return response.json();
  }
}
