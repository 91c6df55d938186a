// Passwords can be shown, and new ones are told how strong they look. Advice only: the server decides.

for (const button of document.querySelectorAll("button[data-show]")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.textContent = on ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-pressed", String(on));
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // A browser that remembers what was typed in a field of text would remember the password.
  input.form?.addEventListener("submit", () => show(false));
  button.hidden = false;
}

// strength is from 0 (found at once) to 4. It counts what a guesser has to try: runs and repetitions add little.
function strength(password) {
  const signs = Array.from(password);
  let pool = 0;
  if (/\p{Ll}/u.test(password)) pool += 26;
  if (/\p{Lu}/u.test(password)) pool += 26;
  if (/\p{N}/u.test(password)) pool += 10;
  if (/[^\p{L}\p{N}]/u.test(password)) pool += 20;
  if (/[^\x00-\x7f]/.test(password)) pool += 100;
  const seen = new Map();
  let worth = 0;
  signs.forEach((sign, i) => {
    const step = i > 0 ? Math.abs(sign.codePointAt(0) - signs[i - 1].codePointAt(0)) : 9;
    const times = seen.get(sign) ?? 0;
    worth += step <= 1 ? 0.25 : 1 / (1 + times / 2);
    seen.set(sign, times + 1);
  });
  const bits = worth * Math.log2(Math.max(pool, 2));
  return [28, 44, 60, 76].filter((least) => bits >= least).length;
}

for (const meter of document.querySelectorAll("meter[data-for]")) {
  const input = document.getElementById(meter.dataset.for);
  const said = meter.nextElementSibling;
  const words = [0, 1, 2, 3, 4].map((n) => said.dataset["s" + n]);
  input.addEventListener("input", () => {
    const found = strength(input.value);
    meter.value = input.value ? found + 1 : 0;
    meter.dataset.level = String(found);
    said.textContent = input.value ? words[found] : "";
  });
  meter.hidden = false;
}
