// Sends the form that takes an answer to an app; who has no scripts presses its button.
document.querySelector("form[data-post]")?.requestSubmit();
