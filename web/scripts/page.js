// What every page does where scripts run. Nothing depends on it.

// A token of a mailed link has been read by the page; the address bar, the history and what the browser tells other
// programs need it no longer (ET-10).
const here = new URL(location.href);
if (here.searchParams.has("token")) {
  here.searchParams.delete("token");
  history.replaceState(null, "", here.pathname + here.search);
}

// A form is sent once, however often its button is pressed, but for one that only answers a file.
for (const form of document.forms) {
  if ("download" in form.dataset) continue;
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
}
// Going back shows the page as it was left; its forms can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});

// What came of a passkey is said where it was asked for. Somebody who changed their mind needs no message.
addEventListener("passkey:start", (event) => say(event.target, false));
addEventListener("passkey:error", (event) => {
  const { stepUp } = event.target.dataset;
  if (stepUp && event.detail.code === "reauthentication-required") location.assign(stepUp); // a page of ours; it leads back
  else say(event.target, event.detail.code !== "cancelled");
});
function say(element, failed) {
  const place = element.querySelector("[data-passkey-error]");
  if (place) place.textContent = failed ? place.dataset.passkeyError : "";
}

// Texts that are meant to be copied have a button for it.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.copied;
  });
}
