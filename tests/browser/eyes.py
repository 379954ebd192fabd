"""What to look at in the browser: JavaScript that runs in the page. Knows nothing of JupyterLab's
menus, nor of lessons.
"""

# What the eye sees of a running cell, noted at every frame in which it changed.
WATCH = """cell => {
  window.seen = [];
  let last = "";
  const look = () => {
    const pictures = [...cell.querySelectorAll(".jp-RenderedHTML img")];
    const bars = [...cell.querySelectorAll(".widget-hprogress, [role=progressbar]")];
    const now = {
      running: cell.querySelector(".jp-InputPrompt").textContent.includes("*"),
      bars: bars.length,
      progress: cell.querySelector(".jp-OutputArea").textContent.match(/(\\d+)\\/\\d+/)?.[1],
      pictures: pictures.length,
      heights: pictures.map(picture => Math.round(picture.getBoundingClientRect().height)),
      picture: pictures.map(picture => picture.src.slice(-200)).join(),
      page: Math.round(cell.closest(".jp-WindowedPanel-outer").scrollTop),
    };
    const text = JSON.stringify(now);
    if (text !== last) window.seen.push({...now, at: performance.now()});
    last = text;
    window.watching = requestAnimationFrame(look);
  };
  cancelAnimationFrame(window.watching);
  look();
}"""

# The prompt of a cell turns to `[*]` and back, for a quick one between two looks from here.
STARTED = """cell => {
  const prompt = cell.querySelector(".jp-InputPrompt");
  cell.ran = false;
  new MutationObserver(() => { cell.ran ||= prompt.textContent.includes("*"); })
    .observe(prompt, {childList: true, characterData: true, subtree: true});
}"""
ENDED = """cell => cell.ran && !cell.querySelector(".jp-InputPrompt").textContent.includes("*")"""


CUT_OFF = """() => [...document.querySelectorAll(".jp-Notebook .jp-OutputArea-output")]
  .flatMap(output => [output, ...output.querySelectorAll("*")])
  .filter(part => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0
    && getComputedStyle(part).display !== "inline" && !part.closest("svg, .noUi-target"))
  .map(part => `${part.tagName}.${part.className}: ${part.innerText.slice(0, 80)}`)"""

# Of nbconvert's and JupyterLab's own furniture the course is not the author.
FAULTS = """async rules => {
  const only = rules.length ? {runOnly: {type: "rule", values: rules}} : {};
  const include = [...document.querySelectorAll(".jp-OutputArea-output, .jp-RenderedMarkdown, "
    + ".output_subarea, .text_cell_render")];
  const found = await axe.run({include}, {...only, resultTypes: ["violations"]});
  return found.violations
    .filter(fault => ["serious", "critical"].includes(fault.impact))
    .flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.html.slice(0, 200)} `
      + node.any.map(reason => reason.message).join(" ").slice(0, 200)));
}"""

# Pictures of a widget with the time at which they came, and the time of the last movement.
FOLLOW = """cell => {
  window.moved = 0;
  window.followed = [];
  addEventListener("pointermove", () => { window.moved = performance.now(); }, true);
  new MutationObserver(() => {
    const alt = cell.querySelector(".widget-html img")?.alt;
    if (alt) window.followed.push({alt, at: performance.now()});
  }).observe(cell.querySelector(".widget-html"), {childList: true, subtree: true,
    attributes: true});
}"""

PRESSED = "addEventListener('pointerdown', () => { window.pressed = performance.now(); }, true)"
