import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { api, issuer, person, redirectURI, register, resource } from './house.js';
import { authorize, configure, exchange } from './party.js';

test('code with PKCE, confidential client, every check of the ID token', async () => {
  const { party, browser, user } = await configure();
  const answer = await authorize(party, browser, { scope: 'openid profile email', max_age: 600 });
  assert.equal(answer.url.searchParams.get('iss'), issuer);
  const tokens = await exchange(party, answer, { maxAge: 600 });
  const claims = tokens.claims();
  assert.equal(claims.sub, user.id);
  assert.equal(claims.acr, 'aal1');
  assert.deepEqual(claims.amr, ['pwd']);
  assert.ok(claims.sid && claims.auth_time && claims.at_hash);
  const info = await client.fetchUserInfo(party, tokens.access_token, claims.sub);
  assert.equal(info.email, user.email);
  assert.equal(info.email_verified, true);
  assert.equal(info.name, 'Ann Lee');
});

test('code with PKCE, public client', async () => {
  const { party, browser } = await configure({ token_endpoint_auth_method: 'none' });
  const tokens = await exchange(party, await authorize(party, browser));
  assert.equal(tokens.token_type, 'bearer');
  assert.ok(tokens.refresh_token);
});

test('code with PKCE, native client on a loopback port', async () => {
  const { party, browser } = await configure({ token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: ['http://127.0.0.1/done'] });
  const answer = await authorize(party, browser, { redirect_uri: 'http://127.0.0.1:49152/done' });
  assert.equal(answer.url.port, '49152');
  await exchange(party, answer);
});

test('signature algorithms of ID tokens', async () => {
  for (const alg of ['ES256', 'EdDSA']) {
    const { party, browser } = await configure({ id_token_signed_response_alg: alg });
    const tokens = await exchange(party, await authorize(party, browser));
    assert.equal(JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).alg, alg);
    client.enableNonRepudiationChecks(party); // fetches the keys and checks the signature too
    await exchange(party, await authorize(party, browser));
  }
});

test('signatures are checked with the published keys', async () => {
  const { party, browser } = await configure();
  client.enableNonRepudiationChecks(party);
  await exchange(party, await authorize(party, browser));
});

test('pushed authorization request', async () => {
  const { party, browser } = await configure({ require_pushed_authorization_requests: true });
  const answer = await authorize(party, browser, {}, { push: true });
  await exchange(party, answer);
});

test('form_post', async () => {
  const { party, browser } = await configure();
  const answer = await authorize(party, browser, { response_mode: 'form_post' });
  assert.ok(answer.request instanceof Request);
  await exchange(party, answer);
});

test('DPoP, with a nonce, at every endpoint', async () => {
  const { party, browser, user } = await configure({ dpop_bound_access_tokens: true });
  const DPoP = client.getDPoPHandle(party, await client.randomDPoPKeyPair('ES256'));
  const answer = await authorize(party, browser, {}, { push: true, DPoP });
  const tokens = await exchange(party, answer, {}, { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  assert.equal((await client.fetchUserInfo(party, tokens.access_token, user.id, { DPoP })).sub, user.id);
  await assert.rejects(client.fetchUserInfo(party, tokens.access_token, user.id), 'a bound token as a bearer token');
  const fresh = await client.refreshTokenGrant(party, tokens.refresh_token, undefined, { DPoP });
  assert.equal(fresh.token_type, 'dpop');
  const other = client.getDPoPHandle(party, await client.randomDPoPKeyPair('ES256'));
  await assert.rejects(client.refreshTokenGrant(party, fresh.refresh_token, undefined, { DPoP: other }), 'the key of somebody else');
});

test('a person who says no', async () => {
  const { party, browser } = await configure();
  const answer = await authorize(party, browser, { scope: 'openid email' }, { presses: ['deny'] });
  await assert.rejects(exchange(party, answer), { name: 'AuthorizationResponseError', error: 'access_denied' });
  assert.equal(answer.url.searchParams.get('iss'), issuer);
});

test('an answer of another server is refused by its iss', async () => {
  const { party, browser } = await configure();
  const answer = await authorize(party, browser);
  answer.url.searchParams.set('iss', 'https://other.example');
  await assert.rejects(exchange(party, answer), ({ cause }) => /iss/.test(cause.message));
});

test('consent is asked for once, and again for more', async () => {
  const { party, browser } = await configure();
  const seen = async (scope) => (await authorize(party, browser, { scope })).seen;
  const first = await seen('openid email');
  const again = await seen('openid email');
  const more = await seen('openid email profile');
  assert.deepEqual(again, []);
  assert.ok(first.length > more.length && more.length > 0, `${first} then ${more}`);
});

test('prompt=none, prompt=login, max_age=0', async () => {
  const { party, browser } = await configure();
  const stranger = await authorize(party, browser, { prompt: 'none' });
  await assert.rejects(exchange(party, stranger), { error: 'login_required' });
  const before = (await exchange(party, await authorize(party, browser))).claims();
  const silent = await exchange(party, await authorize(party, browser, { prompt: 'none' }));
  assert.equal(silent.claims().auth_time, before.auth_time);
  for (const again of [{ prompt: 'login' }, { max_age: 0 }]) {
    const answer = await authorize(party, browser, again);
    assert.ok(answer.seen.length > 0, `nobody was asked for ${JSON.stringify(again)}`);
    assert.ok((await exchange(party, answer)).claims().auth_time >= before.auth_time);
  }
});

test('a token for a resource', async () => {
  const uri = await resource();
  const { party, browser } = await configure();
  const answer = await authorize(party, browser, { scope: 'openid notes.read', resource: uri });
  const tokens = await exchange(party, answer);
  const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
  assert.deepEqual([claims.aud].flat().sort(), [uri, issuer].sort());
});

test('pairwise subjects', async () => {
  const user = await person();
  const subjects = [];
  for (const redirect of ['https://one.example/cb', 'https://one.example/cb', 'https://two.example/cb']) {
    const { party, browser } = await configure({ subject_type: 'pairwise', redirect_uris: [redirect] }, user);
    subjects.push((await exchange(party, await authorize(party, browser, { redirect_uri: redirect }))).claims().sub);
  }
  assert.equal(subjects[0], subjects[1]);
  assert.notEqual(subjects[0], subjects[2]);
  assert.ok(!subjects.includes(user.id));
});
