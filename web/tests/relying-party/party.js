// A relying party as openid-client makes one: nothing here but what its documentation says to write.
import * as client from 'openid-client';
import { Browser } from './browser.js';
import { issuer, person, redirectURI, register } from './house.js';

/** Discovers the server for a client. */
export function discover(registered, authentication, algorithm = 'oidc') {
  return client.discovery(new URL(issuer), registered.client_id, registered.metadata, authentication,
    { algorithm, execute: [client.allowInsecureRequests] });
}

/** Registers a client and discovers the server for it; answers {party, registered, browser, user}. */
export async function configure(metadata = {}, user) {
  const registered = await register(metadata);
  user ??= await person();
  const authentication = metadata.token_endpoint_auth_method === 'none' ? client.None() : client.ClientSecretBasic(registered.client_secret);
  registered.metadata = Object.fromEntries(Object.entries(metadata).filter(([name]) => /_alg$/.test(name)));
  const party = await discover(registered, authentication);
  return { party, registered, browser: new Browser(user), user };
}

/** Sends a browser to the server and answers how it comes back: {url, request, verifier, state, nonce, seen, maxAge}. */
export async function authorize(party, browser, parameters = {}, { push = false, DPoP, presses } = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { state: client.randomState(), nonce: client.randomNonce() };
  const asked = {
    redirect_uri: redirectURI, scope: 'openid', code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    ...checks, ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)])),
  };
  const url = push ? await client.buildAuthorizationUrlWithPAR(party, asked, DPoP && { DPoP }) : client.buildAuthorizationUrl(party, asked);
  const { away, page, seen } = await browser.go(url, presses);
  if (!away) throw new Error(`the browser stays at ${page.url} (${page.status}): ${page.html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')}`);
  return { ...(away instanceof Request ? { request: away, url: new URL(away.url) } : { url: away }), verifier, ...checks, seen };
}

/** Exchanges the code of an answer, with every check that openid-client has. */
export function exchange(party, { url, request, verifier, state, nonce }, checks = {}, options) {
  return client.authorizationCodeGrant(party, request ?? url,
    { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, ...checks }, undefined, options);
}
