// Makes a folder that can be deployed: the app and all its packages as one file that a start reads, and beside it the files that are
// read when first used. From the TypeScript sources: in what tsc has made of them, packages are asked for by `require` and come in
// their CommonJS form, of which nothing can be left out.
// Argument: the folder, dist/bundle unless named. It is emptied first.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = resolve(process.argv[2] ?? join(root, 'dist', 'bundle'));

/** Only what is imported by `import()` becomes a file of its own; that source says why it has `require` instead. */
const splitOnFirstUse = {
  name: 'split what is loaded on first use',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]shared[\\/]azure[\\/]on-first-use\.ts$/ }, ({ path }) => {
      const required = /\brequire\((?='\.\/)/g;
      const source = readFileSync(path, 'utf8');
      if (!required.test(source)) throw new Error(`${path} requires nothing any more: mend tools/bundle.mjs.`);
      return { contents: source.replaceAll(required, 'import('), loader: 'ts' };
    });
  },
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: [join('functions', 'index.ts')],
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // Names stay: people read stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  splitting: true,
  chunkNames: '[name]-[hash]',
  mainFields: ['module', 'main'],
  // It exists only in a worker.
  external: ['@azure/functions-core'],
  // The packages that are CommonJS ask for Node's own modules, and for the worker's, by `require`.
  banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
  plugins: [splitOnFirstUse],
  logLevel: 'warning',
});

const { name, version, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const manifest = { name, version, private: true, main: 'index.mjs', engines };
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(root, 'host.json'), join(folder, 'host.json'));
