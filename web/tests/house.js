// The server under test: built from this tree, on an empty data directory, with its development inbox; and its own API,
// for what a journey needs beforehand and for looking at what it left behind.
import { execFile, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A password that every rule lets pass. */
export const password = 'weathered lantern over nine bridges';

/** How long anything may take that others do at once: mails, redirects; in milliseconds. */
export const patience = 20_000;

/** Answers what try_ answers as soon as that is neither undefined nor false. */
export async function until(what, try_) {
  const end = Date.now() + patience;
  for (;;) {
    const answer = await try_();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

let networks = 0;

/** The address of a client that nobody else has: limits count by networks. From the range for benchmarks (RFC 2544). */
export function network() {
  networks++;
  return `198.18.${networks >> 8}.${networks & 255}`;
}

export class House {
  /** Builds and starts the server. OSTIARY_TEST_BINARY names one that is built already. */
  static async open() {
    const house = new House();
    house.directory = await mkdtemp(join(tmpdir(), 'ostiary-pages-'));
    house.binary = process.env.OSTIARY_TEST_BINARY;
    if (!house.binary) {
      house.binary = join(house.directory, 'ostiary');
      await promisify(execFile)('go', ['build', '-trimpath', '-o', house.binary, './cmd/ostiary'], { cwd: root });
    }
    const port = await freePort();
    house.origin = `http://localhost:${port}`; // passkeys want a name
    house.process = spawn(house.binary, ['serve', '--data', join(house.directory, 'data'), '--listen', `127.0.0.1:${port}`,
      '--public-url', house.origin, '--trusted-proxies', '127.0.0.1/32', '--outbound-allow', '127.0.0.0/8', '--oauth-registration'], { cwd: house.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.once(signal, () => {
        house.process.kill('SIGKILL');
        process.exit(1);
      });
    }
    house.log = [];
    const note = (line) => {
      house.log.push(line);
      house.setupLink ??= line.match(/https?:\/\/\S+\/setup\?token=\S+/)?.[0];
    };
    createInterface({ input: house.process.stdout }).on('line', note);
    createInterface({ input: house.process.stderr }).on('line', note);
    try {
      await until('the setup link', () => {
        if (house.process.exitCode !== null) throw new Error(`the server ended:\n${house.log.join('\n')}`);
        return house.setupLink;
      });
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  async close() {
    if (this.process.exitCode === null) {
      this.process.kill('SIGTERM');
      await once(this.process, 'exit');
    }
    if (existsSync(this.directory)) await rm(this.directory, { recursive: true });
  }

  /** Calls our own API and answers {status, body}. */
  async api(method, path, body, { token, app } = {}) {
    const response = await fetch(`${this.origin}/api/ostiary/v1${path}`, {
      method,
      headers: {
        Accept: 'application/json', 'X-Forwarded-For': network(),
        ...(body && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }),
        ...(app && { 'X-App-Key': app }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }

  /** The same for what must succeed; answers the body. */
  async must(method, path, body, options) {
    const { status, body: answer } = await this.api(method, path, body, options);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** An access token of the administrator, who is made if the first journey did not. */
  admin() {
    this.adminToken ??= this.makeAdmin();
    return this.adminToken;
  }

  async makeAdmin() {
    if (!this.administrator) {
      this.administrator = 'admin@example.com';
      await this.must('POST', '/setup', { token: new URL(this.setupLink).searchParams.get('token'), email: this.administrator, password });
    }
    return this.token(this.administrator);
  }

  /** Runs a command against the server, as its operator; answers what it prints. */
  async command(...words) {
    const { stdout } = await promisify(execFile)(this.binary, ['--json', '--data', join(this.directory, 'data'), ...words]);
    return JSON.parse(stdout);
  }

  /** An access token of a new session. */
  async token(email, secret = password, extra = {}) {
    return (await this.must('POST', '/sessions', { identifier: email, password: secret, ...extra })).tokens.access_token;
  }

  /** An address that nobody has. */
  address(name) {
    return `${name}.${randomBytes(4).toString('hex')}@example.com`;
  }

  /** Signs somebody up, with a verified address and the password; answers the address. */
  async user(name, extra = {}, options = {}) {
    const email = this.address(name);
    await this.must('POST', '/registrations', { email, password, ...extra }, options);
    const token = new URL(await this.link(email, '/verify')).searchParams.get('token');
    await this.must('POST', '/email-verification/complete', { token }, options);
    return email;
  }

  /** Switches two-factor authentication on; answers {totp, backupCodes}. */
  async secondFactor(email) {
    const token = await this.token(email);
    const { secret } = await this.must('POST', '/me/totp', {}, { token });
    const totp = new Totp(secret);
    const { backup_codes: backupCodes } = await this.must('POST', '/me/totp/confirm', { code: totp.code() }, { token });
    return { totp, backupCodes };
  }

  /** The newest mail to an address that fits; waits for it. Mails are {subject, text, links}. */
  async mail(email, fits = () => true) {
    return until(`a mail to ${email}`, async () => {
      const list = await (await fetch(`${this.origin}/dev/inbox/messages`)).json();
      return list.find((mail) => mail.to.includes(email) && fits(mail));
    });
  }

  /** The newest link to a page in mails to an address; waits for it. */
  async link(email, page) {
    const leads = (link) => new URL(link).pathname === page;
    return (await this.mail(email, (mail) => (mail.links ?? []).some(leads))).links.find(leads);
  }
}

/** An authenticator app. It shows every code once (a server takes none twice), beginning with the one before now. */
export class Totp {
  constructor(secret) {
    let bits = '';
    for (const c of secret) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0');
    this.key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
    this.step = Math.floor(Date.now() / 30_000) - 2;
  }

  code() {
    this.step = Math.max(this.step + 1, Math.floor(Date.now() / 30_000) - 1);
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(this.step));
    const mac = createHmac('sha1', this.key).update(counter).digest();
    return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  }
}
