// A till is worked by its numeric block: + - * / and Enter press what `data-key` names on the page, and so do digits
// where no field takes them. A form is sent once, whatever is pressed twice.
"use strict";

const FIELD = "input:not([type=hidden]):not([type=submit]), textarea, select";

function isTyping() {
    return document.activeElement !== null && document.activeElement.matches(FIELD);
}

document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const isDigit = event.key >= "0" && event.key <= "9" && event.key.length === 1;
    if (!isDigit && !["+", "-", "*", "/", "Enter"].includes(event.key)) return;
    if (isDigit && isTyping()) return;
    if (event.key === "Enter" && document.activeElement !== null && document.activeElement.matches("a, button")) return;
    const target = document.querySelector(`[data-key="${event.key}"]`);
    if (target === null) return;
    event.preventDefault();
    if (!event.repeat) target.click();
});

document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) {
        event.preventDefault();
        return;
    }
    event.target.dataset.sent = "1";
});

window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
