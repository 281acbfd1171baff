// Stand-in of ComfyUI's scripts/app.js: it keeps what registers.

export const extensions = [];

export const app = { registerExtension: (extension) => extensions.push(extension) };
