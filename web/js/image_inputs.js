// The numbered image inputs of a node: one free, none missing. Knows litegraph's nodes, no app.

export const MAX_IMAGES = 20;

const IMAGE_NAME = /^image_\d+$/;

/** The node's image inputs, in the order of their numbers. */
export function imageInputs(node) {
  return (node.inputs ?? []).filter((input) => IMAGE_NAME.test(input.name));
}

/** Add the next input if all that there are have links. */
export function grow(node) {
  const inputs = imageInputs(node);
  if (inputs.length >= MAX_IMAGES || inputs.some((input) => input.link == null)) return;
  node.addInput(`image_${inputs.length + 1}`, "IMAGE", { shape: inputs[0]?.shape });
}

/** Remove inputs without links but for the one after the last link; number the rest anew. */
export function prune(node) {
  const inputs = imageInputs(node);
  const free = inputs.findLastIndex((input) => input.link != null) + 1;
  inputs.forEach((input, index) => {
    if (input.link == null && index !== free) node.removeInput(node.inputs.indexOf(input));
  });
  imageInputs(node).forEach((input, index) => {
    input.name = `image_${index + 1}`;
    if (input.localized_name) input.localized_name = input.name;
  });
  grow(node);
}

/**
 * Cut a node that has just been made, with all inputs of its definition, down to image_1.
 * It lies in no graph yet, where removeInput would fail.
 */
export function startWithOne(node) {
  const surplus = new Set(imageInputs(node).slice(1));
  node.inputs = node.inputs.filter((input) => !surplus.has(input));
  node.setSize([node.size[0], node.computeSize()[1]]);
}
