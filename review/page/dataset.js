"use strict";
// The pairs that the page came with, where their pictures lie, how their values read.
// Anyone may have chosen the file names in it: they become text and parts of URLs, never markup.

const dataset = JSON.parse(document.getElementById("dataset").textContent);
const pairs = dataset.pairs;

const KINDS = ["splats", "target", "reference", "mask", "difference"];

const MEASURES = dataset.measures; // the builder's scores: `short` names one in rows of the list

pairs.forEach((pair, order) => {
  pair.key = `${pair.scene}/${pair.name}`;
  pair.order = order;
});

const isWritten = (pair) => pair.rejected === null;

function measured(measure, pair) {
  const value = pair.measures[measure.name];
  if (value === null) return "–";
  const space = measure.unit === "°" ? "" : " ";
  return value.toFixed(measure.digits) + (measure.unit && space + measure.unit);
}

const stripUrl = (pair) => `${dataset.thumbnails}/${pair.thumbnail}.jpg`;

function pictureUrl(pair, kind) {
  if (kind === "difference") return `${dataset.thumbnails}/${pair.thumbnail}_difference.jpg`;
  return [pair.scene, pair.files[kind]].map(encodeURIComponent).join("/");
}

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** One picture of a pair, cut from its strip; it fits a 4:3 cell. */
function tile(pair, kind) {
  if (kind === "mask" && !pair.files.mask) {
    return element("span", { className: "absent", textContent: "not saved" });
  }
  const [width, height] = pair.size;
  const image = element("img", {
    alt: kind,
    className: 3 * width >= 4 * height ? "wide" : "tall",
    decoding: "async",
    draggable: false,
    src: stripUrl(pair),
  });
  image.style.aspectRatio = `${width} / ${height}`;
  image.style.objectPosition = `${25 * KINDS.indexOf(kind)}% 0`;
  return image;
}
