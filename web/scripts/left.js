// Goes on to the app as soon as everything that was framed has loaded, or has had time to; who has no scripts follows the link.
const next = document.querySelector("a[data-next]");
if (next) {
  const go = () => location.replace(next.href);
  if (document.readyState === "complete") go();
  else {
    addEventListener("load", go);
    setTimeout(go, 5000);
  }
}
