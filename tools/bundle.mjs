// Makes a folder that can be deployed as it is: the app and all its packages as one file that a start reads, and beside it the files
// that are read when first used. From the TypeScript sources: in what tsc has made of them, packages are asked for by `require` and
// come in their CommonJS form, of which nothing can be left out.
// Argument: the folder, dist/bundle unless named; it is emptied first.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = resolve(process.argv[2] ?? join(root, 'dist', 'bundle'));

/** Rewrites the text of some files. */
const rewrite = (name, filter, change) => ({
  name,
  setup: ({ onLoad }) =>
    onLoad({ filter }, ({ path }) => ({
      contents: change(readFileSync(path, 'utf8'), path),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    })),
});

function replaceOnce(text, path, from, to) {
  if (text.split(from).length === 2) return text.replace(from, to);
  throw new Error(`${path} does not hold once what is to be replaced: ${from}. Look whether it still must be.`);
}

/**
 * Only what is imported by `import()` becomes a file of its own; shared/azure/on-first-use.ts says why it is `require` in our sources.
 */
const firstUse = rewrite('first use', /[\\/](functions|shared)[\\/].*\.ts$/, (text, path) => {
  const split = text.replaceAll("async () => require('./", "async () => import('./");
  if (/\brequire\(/.test(split)) throw new Error(`${path} requires what is not loaded on first use; import it.`);
  return split;
});

/**
 * durable-functions 3.5.0 is CommonJS, so everything that it asks for comes whole. Of validator's hundred checks it uses `isURL`; axios,
 * with Node's HTTP/2 and the list of all MIME types, it needs when it makes its first client, not before.
 */
const durable = rewrite(
  'durable-functions',
  /durable-functions[\\/]lib[\\/]src[\\/]durableClient[\\/]\w+\.js$/,
  (text, path) => {
    const withoutChecks = /\bvalidator_1\b/.test(text)
      ? replaceOnce(text, path, 'require("validator")', '{ isURL: require("validator/lib/isURL").default }')
      : text;
    if (/\bvalidator_1\.(?!isURL\b)/.test(text)) throw new Error(`${path} uses more of validator than isURL.`);
    return /\baxios_1\b/.test(text)
      ? replaceOnce(withoutChecks, path, 'require("axios")', '{ get default() { return require("axios").default; } }')
      : withoutChecks;
  },
);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: [join('functions', 'index.ts')],
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  chunkNames: '[name]-[hash]',
  // Names stay: people read stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  mainFields: ['module', 'main'],
  // It exists only in a worker, which answers for it when it is required.
  external: ['@azure/functions-core'],
  // By `require` the packages that are CommonJS ask for Node's own modules.
  banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
  plugins: [firstUse, durable],
  logLevel: 'warning',
});

const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const manifest = { name, version, private: true, main: 'index.mjs', engines: { node: '>=22' } };
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(root, 'host.json'), join(folder, 'host.json'));
