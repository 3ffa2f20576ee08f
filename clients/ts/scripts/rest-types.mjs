// Which types do requests and answers have? Written from docs/openapi.json; `--check` only compares.

import { readFileSync, writeFileSync } from "node:fs";

const document = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8"));
const target = new URL("../src/rest.ts", import.meta.url);
const METHODS = ["get", "post", "put", "patch", "delete"];

/** A schema as a TypeScript type. */
function type(schema, indent) {
  if (schema === undefined || schema === true || Object.keys(schema).length === 0) return "unknown";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.oneOf) return schema.oneOf.map((one) => type(one, indent)).join(" | ");
  if (schema.allOf) return schema.allOf.map((one) => type(one, indent)).join(" & ");
  const types = [schema.type].flat();
  return types.map((name) => plain(name, schema, indent)).join(" | ");
}

function plain(name, schema, indent) {
  switch (name) {
    case "string": return "string";
    case "boolean": return "boolean";
    case "integer":
    case "number": return "number";
    case "null": return "null";
    case "array": {
      const items = type(schema.items, indent);
      return /[ |&]/.test(items) && !items.startsWith("{") ? `(${items})[]` : `${items}[]`;
    }
    case "object": return object(schema, indent);
    default: throw new Error(`a schema of an unknown type: ${JSON.stringify(schema)}`);
  }
}

function object(schema, indent) {
  if (!schema.properties) return `Record<string, ${type(schema.additionalProperties, indent)}>`;
  const required = new Set(schema.required);
  const inner = indent + "  ";
  const fields = Object.entries(schema.properties).map(([name, field]) => {
    const optional = required.has(name) ? "" : "?";
    return `${comment(field.description, inner)}${inner}${name}${optional}: ${type(field, inner)};`;
  });
  return `{\n${fields.join("\n")}\n${indent}}`;
}

function comment(text, indent) {
  return text ? `${indent}/** ${text.replaceAll("*/", "* /").replace(/\s*\n\s*/g, " ")} */\n` : "";
}

function parameters(operation, place) {
  const fields = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
  if (fields.length === 0) return undefined;
  return `{ ${fields.map(({ name, required, schema }) => `${name}${required ? "" : "?"}: ${type(schema, "")}`).join("; ")} }`;
}

function one(path, method, operation, inherited) {
  const all = { ...operation, parameters: [...(inherited ?? []), ...(operation.parameters ?? [])] };
  const body = operation.requestBody?.content?.["application/json"]?.schema;
  const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
  const answer = new Set(answers.map(([, response]) => type(response.content?.["application/json"]?.schema, "    ")));
  const lines = [
    `path: ${parameters(all, "path") ?? "undefined"};`,
    `query: ${parameters(all, "query") ?? "undefined"};`,
    `body: ${body ? type(body, "    ") : "undefined"}${body && !operation.requestBody.required ? " | undefined" : ""};`,
    `answer: ${[...answer].join(" | ")};`,
  ];
  return `${comment(operation.summary, "  ")}  "${method.toUpperCase()} ${path}": {\n${lines.map((line) => `    ${line}\n`).join("")}  };`;
}

const schemas = Object.entries(document.components.schemas).map(([name, schema]) => {
  const declared = type(schema, "");
  return `${comment(schema.description, "")}export ${declared.startsWith("{") ? `interface ${name} ${declared}` : `type ${name} = ${declared};`}\n`;
});
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => one(path, method, item[method], item.parameters)));

const text = `// What does REST take and answer? Generated from docs/openapi.json by scripts/rest-types.mjs: not to be edited.

${schemas.join("\n")}
/** Every operation by its method and path. */
export interface Operations {
${operations.join("\n")}
}
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/rest.ts is not of this docs/openapi.json: run `npm run generate`");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
