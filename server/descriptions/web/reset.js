"use strict";
// The token stands behind the #, so that it reaches neither the server's log nor any other site.
const form = document.getElementById("form");
const said = document.getElementById("said");
const code = document.getElementById("code");
const button = form.querySelector("button");

function readToken() {
  form.token.value = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  code.hidden = form.token.value !== "";
}

function say(text, kind) {
  said.textContent = text;
  said.className = "said " + kind;
}

async function change() {
  const response = await fetch("api/auth/reset-password", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: form.token.value.trim(), newPassword: form.password.value }),
  });
  const answer = await response.json();
  say(answer.message, answer.success ? "good" : "wrong");
  if (answer.success) {
    form.hidden = true;
    history.replaceState(null, "", location.pathname);
  } else if (answer.error.field === "token") {
    code.hidden = false;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.password.value !== form.again.value) {
    say("The two passwords are not the same.", "wrong");
    return;
  }
  button.disabled = true;
  try {
    await change();
  } catch {
    say("The server cannot be reached right now. Please try again in a moment.", "wrong");
  } finally {
    button.disabled = false;
  }
});

addEventListener("hashchange", readToken);
readToken();
