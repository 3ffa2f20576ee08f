// What does REST take and answer? Generated from docs/openapi.json by scripts/rest-types.mjs: not to be edited.
export {};
