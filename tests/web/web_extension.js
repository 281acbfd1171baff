// The web extension on stand-ins of litegraph's nodes; run with `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { extensions } from "./scripts/app.js";
import "./extensions/pack/js/vggt.js";

const [extension] = extensions;

/** A node as litegraph has it: removeInput fails outside a graph, links are told on changes. */
class Node {
  graph = null;
  size = [300, 900];
  inputs = [];

  constructor() {
    this.addInput("device", "COMBO");
    for (let number = 1; number <= 20; number++) this.addInput(`image_${number}`, "IMAGE");
    this.addInput("depth_conf_threshold", "FLOAT");
  }

  addInput(name, type, extra = {}) {
    this.inputs.push({ name, type, link: null, ...extra });
  }

  removeInput(index) {
    if (!this.graph) throw new Error("no graph");
    this.inputs.splice(index, 1);
  }

  computeSize() {
    return [200, 20 * this.inputs.length];
  }

  setSize(size) {
    this.size = size;
  }

  names() {
    return this.inputs.filter(({ name }) => name.startsWith("image_")).map(({ name }) => name);
  }
}

let links = 0;

function create() {
  const nodeType = class extends Node {};
  extension.beforeRegisterNodeDef(nodeType, { name: "VGGT_Model_Inference" });
  const node = new nodeType();
  node.onNodeCreated();
  node.graph = {};
  return node;
}

/** Link the input of that name, as what loads an API workflow does; false if there is none. */
function connect(node, name) {
  const index = node.inputs.findIndex((input) => input.name === name);
  if (index < 0) return false;
  node.inputs[index].link = ++links;
  node.onConnectionsChange(1, index, true, {}, node.inputs[index]);
  return true;
}

function disconnect(node, name) {
  const index = node.inputs.findIndex((input) => input.name === name);
  node.inputs[index].link = null;
  node.onConnectionsChange(1, index, false, {}, node.inputs[index]);
}

const timers = () => new Promise((resolve) => setTimeout(resolve, 5));

test("a new node shows one image input and is as small as that", () => {
  const node = create();
  assert.deepEqual(node.names(), ["image_1"]);
  assert.deepEqual(node.size, [300, 60]);
  assert.equal(node.inputs.at(-1).name, "depth_conf_threshold");
});

test("links that arrive in one go all find their input, as in an API workflow", async () => {
  const node = create();
  for (let number = 1; number <= 20; number++) assert.ok(connect(node, `image_${number}`));
  assert.equal(connect(node, "image_21"), false);
  await timers();
  assert.equal(node.names().length, 20);
});

test("the input after the last link is free", async () => {
  const node = create();
  connect(node, "image_1");
  connect(node, "image_2");
  await timers();
  assert.deepEqual(node.names(), ["image_1", "image_2", "image_3"]);
  assert.equal(node.inputs.at(-1).type, "IMAGE");
});

test("a link that goes takes its input along, and the others keep their order", async () => {
  const node = create();
  for (const name of ["image_1", "image_2", "image_3"]) connect(node, name);
  const [, , third] = node.inputs.filter(({ link }) => link != null);
  disconnect(node, "image_2");
  assert.deepEqual(node.names(), ["image_1", "image_2", "image_3", "image_4"]);
  await timers();
  assert.deepEqual(node.names(), ["image_1", "image_2", "image_3"]);
  assert.equal(third.name, "image_2");
});

test("another link on the same input changes nothing", async () => {
  const node = create();
  connect(node, "image_1");
  connect(node, "image_2");
  disconnect(node, "image_1");
  connect(node, "image_1");
  await timers();
  assert.deepEqual(node.names(), ["image_1", "image_2", "image_3"]);
});

test("a copy without links goes back to one input", async () => {
  const node = create();
  node.inputs.push({ name: "image_2", type: "IMAGE", link: null });
  node.onConfigure();
  await timers();
  assert.deepEqual(node.names(), ["image_1"]);
});

test("a node that has left its graph is left alone", async () => {
  const node = create();
  connect(node, "image_1");
  disconnect(node, "image_1");
  node.graph = null;
  await timers();
  assert.deepEqual(node.names(), ["image_1", "image_2"]);
});

test("links of outputs change nothing", async () => {
  const node = create();
  node.onConnectionsChange(2, 0, true, {}, {});
  await timers();
  assert.deepEqual(node.names(), ["image_1"]);
});

test("what the node did on its own is still done", () => {
  const nodeType = class extends Node {};
  nodeType.prototype.onConfigure = function (info) {
    return info + 1;
  };
  extension.beforeRegisterNodeDef(nodeType, { name: "VGGT_Model_Inference" });
  assert.equal(new nodeType().onConfigure(1), 2);
});

test("other nodes are left alone", () => {
  const nodeType = class extends Node {};
  extension.beforeRegisterNodeDef(nodeType, { name: "KSampler" });
  assert.equal(nodeType.prototype.onNodeCreated, undefined);
});
