// Predict: the next number stays hidden until the learner has typed it, or asks to see it.

const score = { right: 0, asked: 0, tried: new Set() };

function showQuestion() {
  const asking = isAsking();
  find("question").hidden = !asking;
  if (!asking) return;
  find("prompt").textContent = currentStep().question.prompt;
  find("guess").value = "";
  find("verdict").textContent = tally();
  find("verdict").className = "";
  if (document.activeElement !== find("scrubber")) find("guess").focus();
}

/** Within 1 %, or equal to three significant digits; a shape must be equal. */
function isRight(text, answer) {
  if (Array.isArray(answer)) return JSON.stringify((text.match(/\d+/g) ?? []).map(Number)) === JSON.stringify(answer);
  const guess = Number(text.replace("−", "-").replace(",", "."));
  if (typeof answer === "string") return text.trim().toLowerCase() === answer; // nan, inf, -inf
  if (text.trim() === "" || Number.isNaN(guess)) return false;
  return Math.abs(guess - answer) <= 0.01 * Math.abs(answer) || guess.toPrecision(3) === answer.toPrecision(3);
}

/** What a wrong answer overlooks, or how to find the right one. */
function reasonAgainst(text) {
  const { guesses, hint } = currentStep().question;
  const known = guesses.find(([guess]) => isRight(text, guess));
  return known ? known[1] : `Not yet. ${hint || "A gradient has the shape of its array."}`;
}

function checkGuess() {
  const { answer } = currentStep().question;
  const right = isRight(find("guess").value, answer);
  if (!score.tried.has(revealKey())) {
    score.tried.add(revealKey());
    score.asked += 1;
    score.right += right ? 1 : 0;
  }
  if (right) return reveal(`✓ Right. ${tally()}`);
  find("verdict").textContent = `✗ ${reasonAgainst(find("guess").value)} ${tally()}`;
  find("verdict").className = "wrong";
  find("guess").select();
}

function reveal(verdict) {
  state.revealed.add(revealKey());
  show();
  find("question").hidden = false;
  find("verdict").textContent = verdict;
  find("verdict").className = "right";
  find("live").textContent = `${verdict} ${find("live").textContent}`;
  find("forward").focus();
}

function tally() {
  return score.asked ? `${score.right} of ${score.asked} right at the first try.` : "";
}
