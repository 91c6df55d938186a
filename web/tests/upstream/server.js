// An OpenID provider for tests: oidc-provider with one client and people whom the test names. It reads one JSON object
// a line from its standard input and answers each with one line: first the configuration (`client`, `people`), answered
// with the issuer, then changes of `people`. It ends with its input. Answers begin with `> `: the package warns on the
// same stream.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const say = (message) => process.stdout.write(`> ${JSON.stringify(message)}\n`);
const key = (type, options, extra) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', ...extra });

let people = {};

async function start({ client, people: first }) {
  people = first;
  let handle;
  const server = createServer((request, response) => handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [client],
    jwks: {
      keys: [
        key('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'rsa' }),
        key('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'ec' }),
      ],
    },
    pkce: { required: () => true },
    cookies: { keys: ['only for tests'] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', 'picture', 'locale'],
    },
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  handle = provider.callback();
  return issuer;
}

let issuer;
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (issuer === undefined) {
    issuer = await start(message);
    say({ issuer });
  } else {
    people = message.people;
    say({});
  }
}
process.exit(0);
