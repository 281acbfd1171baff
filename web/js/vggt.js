// ComfyUI extension: VGGT Model Inference grows and loses image inputs as links come and go.

import { app } from "../../../scripts/app.js";
import { grow, prune, startWithOne } from "./image_inputs.js";

const NODE = "VGGT_Model_Inference";
const INPUT = 1;

/** Call `before` and then what the prototype had under that name. */
function extend(prototype, name, before) {
  const original = prototype[name];
  prototype[name] = function (...args) {
    before.apply(this, args);
    return original?.apply(this, args);
  };
}

/** Prune when whatever changes links now is done with it: some change several in one go. */
function pruneLater(node) {
  clearTimeout(node.vggtPruning);
  node.vggtPruning = setTimeout(() => node.graph && prune(node), 0);
}

app.registerExtension({
  name: "vggt.image_inputs",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    extend(nodeType.prototype, "onNodeCreated", function () {
      startWithOne(this);
    });
    extend(nodeType.prototype, "onConnectionsChange", function (side) {
      if (side !== INPUT) return;
      grow(this); // at once: what loads an API workflow looks for the next input right now
      pruneLater(this);
    });
    extend(nodeType.prototype, "onConfigure", function () {
      pruneLater(this);
    });
  },
});
