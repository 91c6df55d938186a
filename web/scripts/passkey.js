/**
 * Passkeys for the hosted pages: registration, sign-in with autofill, second factor and step-up, and the signals that keep
 * authenticators tidy. It has no dependency, writes no HTML and evaluates nothing, so it runs under Trusted Types.
 *
 * A page asks for it by an element with data-passkey; everything else is attributes of that element:
 *
 *   data-passkey        "sign-in", "second-factor", "step-up", "register" or "offer"
 *   data-begin          where the first step is posted to; answers {flow, options, expires_at}
 *   data-finish         where the browser's answer is posted to
 *   data-token          of the challenge, for "second-factor"
 *   data-csrf           sent as csrf_token with both steps
 *   data-autofill       on "sign-in": offer passkeys in the field with autocomplete="username webauthn" as well
 *   data-name           on "register": id of the field that holds a name for the passkey
 *   data-signals        JSON of `signals` of list-passkeys, on pages that show the list: told to the authenticators at once
 *
 * A button or form of the element starts the ceremony: the first [data-passkey-start] inside it, or itself if it is a
 * button. "offer" starts by itself, after a sign-in with a password that the browser filled in, and never asks the person.
 * Elements with [data-passkey-only] are shown (hidden removed) where the browser has passkeys.
 *
 * Events bubble from the element:
 *
 *   passkey:start    before the browser is asked
 *   passkey:done     detail: the answer of the second step; a page that does nothing else listens to it and goes on
 *   passkey:error    detail: {code, message}; code is one of the server's, or "cancelled", "unsupported", "network", "browser"
 *
 * Not cancelling passkey:done follows its detail.location, if the answer names one of this origin.
 */

/** How long before its end a waiting flow is begun anew, in milliseconds. */
const spare = 30_000;

class Refused extends Error {
  constructor(code, message) {
    super(message || code);
    this.code = code;
  }
}

/** Posts JSON and reads JSON. The server's refusals carry its code. */
async function post(url, body, signal) {
  let response;
  try {
    response = await fetch(url, {
      method: 'POST', credentials: 'same-origin', redirect: 'error', signal,
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(body),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Refused('network');
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.code || 'network', answer.detail || answer.title);
  return answer;
}

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => {
  let out = '';
  for (const b of new Uint8Array(buffer)) out += String.fromCharCode(b);
  return btoa(out).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
};
const ids = (list) => list?.map((entry) => ({ ...entry, id: bytes(entry.id) }));

/** The options of a registration as the browser wants them. */
function creation(options) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return {
    ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: ids(options.excludeCredentials),
  };
}

/** The options of a use as the browser wants them. */
function request(options) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return { ...options, challenge: bytes(options.challenge), allowCredentials: ids(options.allowCredentials) };
}

/** The browser's answer as JSON, also where toJSON is missing or a password manager has broken it. */
function plain(credential) {
  try {
    return credential.toJSON();
  } catch {
    const { response } = credential;
    const out = {
      id: credential.id, rawId: text(credential.rawId), type: credential.type, clientExtensionResults: {},
      response: { clientDataJSON: text(response.clientDataJSON) },
    };
    if (response.attestationObject) {
      out.response.attestationObject = text(response.attestationObject);
      out.response.transports = response.getTransports?.() ?? [];
    } else {
      out.response.authenticatorData = text(response.authenticatorData);
      out.response.signature = text(response.signature);
      if (response.userHandle) out.response.userHandle = text(response.userHandle);
    }
    return out;
  }
}

/** What went wrong in the browser, in the words of passkey:error. */
function reason(error) {
  if (error instanceof Refused) return { code: error.code, message: error.message };
  switch (error.name) {
    case 'NotAllowedError':
    case 'AbortError':
      return { code: 'cancelled', message: '' };
    case 'InvalidStateError': // the authenticator holds one of the excluded passkeys
      return { code: 'conflict', message: '' };
    case 'NotSupportedError':
    case 'ConstraintError':
      return { code: 'unsupported', message: '' };
  }
  return { code: 'browser', message: '' };
}

/** Tells authenticators which passkeys of a user still work and what the user is called, where the browser can. */
export async function signal(signals) {
  if (!signals || !available()) return;
  const rpId = signals.rp_id;
  const userId = signals.user_handle;
  try {
    await PublicKeyCredential.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds: signals.credential_ids });
    await PublicKeyCredential.signalCurrentUserDetails?.({ rpId, userId, name: signals.name, displayName: signals.display_name });
  } catch {
    // A browser that does not want to know is left alone.
  }
}

/** Whether the browser has passkeys at all. */
export const available = () => typeof PublicKeyCredential === 'function' && Boolean(navigator.credentials);

/** At most one ceremony at a time: a button stops the waiting autofill. */
let current;

function takeTurn() {
  current?.abort();
  current = new AbortController();
  return current.signal;
}

class Ceremony {
  constructor(element) {
    this.element = element;
    this.kind = element.dataset.passkey;
  }

  body(extra) {
    const { csrf, token } = this.element.dataset;
    return { ...(csrf && { csrf_token: csrf }), ...(token && { token }), ...extra };
  }

  emit(name, detail) {
    return this.element.dispatchEvent(new CustomEvent(`passkey:${name}`, { bubbles: true, cancelable: true, detail }));
  }

  /** Runs both steps. mediation "conditional" waits for the person to choose from the autofill list. */
  async run(mediation) {
    const turn = takeTurn();
    let answered = false;
    try {
      const conditional = mediation === 'conditional';
      let timer;
      const making = this.kind === 'register' || this.kind === 'offer';
      const begun = await post(this.element.dataset.begin, this.body(this.kind === 'offer' ? { conditional: true } : {}), turn);
      if (turn.aborted) return;
      if (!conditional) this.emit('start');
      if (conditional && !making) { // the page may be open for hours; the flow lives minutes
        const wait = Math.max(Date.parse(begun.expires_at) - Date.now() - spare, spare);
        timer = setTimeout(() => { if (!turn.aborted) this.run(mediation); }, wait);
        turn.addEventListener('abort', () => clearTimeout(timer), { once: true });
      }
      let credential;
      try {
        credential = making
          ? await navigator.credentials.create({ publicKey: creation(begun.options), signal: turn, ...(conditional && { mediation }) })
          : await navigator.credentials.get({ publicKey: request(begun.options), signal: turn, ...(conditional && { mediation }) });
      } finally {
        clearTimeout(timer);
      }
      answered = true;
      if (conditional) this.emit('start');
      await this.finish(begun, plain(credential), turn);
    } catch (error) {
      if (turn.aborted) return;
      const detail = reason(error);
      if (this.kind !== 'offer') this.emit('error', detail);
      if ((mediation !== 'conditional' || answered) && this.element.dataset.autofill !== undefined) this.autofill();
    }
  }

  async finish(begun, credential, turn) {
    const name = document.getElementById(this.element.dataset.name ?? '')?.value.trim();
    let answer;
    try {
      answer = await post(this.element.dataset.finish, this.body({ flow: begun.flow, credential, ...(name && { name }) }), turn);
    } catch (error) {
      // Only the server's word that nobody at all has the passkey lets the authenticator forget it.
      if (error.code === 'not-found' && this.kind === 'sign-in') {
        await PublicKeyCredential.signalUnknownCredential?.({ rpId: begun.options.rpId, credentialId: credential.id })?.catch(() => {});
      }
      throw error;
    }
    if (this.emit('done', answer) && typeof answer.location === 'string') {
      const target = new URL(answer.location, location.href);
      if (target.origin === location.origin) location.assign(target);
    }
  }

  async autofill() {
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) this.run('conditional');
  }

  async offer() {
    const can = await PublicKeyCredential.getClientCapabilities?.();
    if (can?.conditionalCreate) this.run('conditional');
  }

  start() {
    const button = this.element.matches('button') ? this.element : this.element.querySelector('[data-passkey-start]');
    button?.addEventListener('click', (event) => {
      event.preventDefault();
      this.run();
    });
    if (this.kind === 'offer') this.offer();
    if (this.kind === 'sign-in' && this.element.dataset.autofill !== undefined) this.autofill();
  }
}

/** Finds the elements of the page and starts them. Pages need not call it. */
export function attach(root = document) {
  if (!available()) return;
  for (const element of root.querySelectorAll('[data-passkey-only]')) element.hidden = false;
  for (const element of root.querySelectorAll('[data-passkey]')) new Ceremony(element).start();
  for (const element of root.querySelectorAll('[data-signals]')) {
    try {
      signal(JSON.parse(element.dataset.signals));
    } catch {
      // A page without a list says nothing.
    }
  }
}

attach();
