import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { issuer, listen } from './house.js';
import { authorize, configure, exchange } from './party.js';

const home = 'https://rp.example/signed-out';

test('logout by the relying party, told to the others behind the browser', async (t) => {
  const told = Promise.withResolvers?.() ?? deferred();
  const receiver = await listen(t, (request, response, body) => {
    told.resolve({ type: request.headers['content-type'], token: new URLSearchParams(body).get('logout_token') });
    response.end();
  });
  const { party, registered, browser, user } = await configure({ post_logout_redirect_uris: [home], backchannel_logout_uri: `${receiver}/logout` });
  const tokens = await exchange(party, await authorize(party, browser));
  const url = client.buildEndSessionUrl(party, { id_token_hint: tokens.id_token, post_logout_redirect_uri: home, state: 'of-the-shop' });
  const { away } = await browser.go(url, ['yes']);
  assert.equal(away?.href, `${home}?state=of-the-shop`);

  const { type, token } = await told.promise;
  assert.match(type, /^application\/x-www-form-urlencoded/);
  const keys = createRemoteJWKSet(new URL(party.serverMetadata().jwks_uri));
  const { payload } = await jwtVerify(token, keys, { issuer, audience: registered.client_id, typ: 'logout+jwt', maxTokenAge: 120 });
  assert.equal(payload.sid, tokens.claims().sid);
  assert.equal(payload.sub, user.id);
  assert.equal(payload.nonce, undefined);
  assert.ok(payload.jti && payload.exp);
  assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });

  await assert.rejects(client.refreshTokenGrant(party, tokens.refresh_token), { error: 'invalid_grant' });
  await assert.rejects(exchange(party, await authorize(party, browser, { prompt: 'none' })), { error: 'login_required' });
});

test('offline access outlives the browser', async () => {
  const { party, browser } = await configure({ post_logout_redirect_uris: [home] });
  const tokens = await exchange(party, await authorize(party, browser, { scope: 'openid offline_access', prompt: 'consent' }));
  await browser.go(client.buildEndSessionUrl(party, { id_token_hint: tokens.id_token, post_logout_redirect_uri: home }), ['yes']);
  await client.refreshTokenGrant(party, tokens.refresh_token);
});

test('nobody is sent to an address that is not registered', async () => {
  const { party, browser } = await configure({ post_logout_redirect_uris: [home] });
  const tokens = await exchange(party, await authorize(party, browser));
  const url = client.buildEndSessionUrl(party, { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://evil.example/' });
  const { away, page } = await browser.go(url, ['yes']);
  assert.equal(away, undefined);
  assert.ok(page.html);
});

function deferred() {
  const out = {};
  out.promise = new Promise((resolve, reject) => Object.assign(out, { resolve, reject }));
  return out;
}
