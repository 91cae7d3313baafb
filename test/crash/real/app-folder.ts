import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A folder as a host wants it, whose one file leads to the app that can kill itself. */
export function makeAppFolder(root: string, folder: string): string {
  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'index.js'), `require(${JSON.stringify(join(__dirname, 'app.js'))});\n`);
  writeFileSync(join(app, 'package.json'), JSON.stringify({ main: 'ind*.js' }));
  copyFileSync(join(root, 'host.json'), join(app, 'host.json'));
  return app;
}
