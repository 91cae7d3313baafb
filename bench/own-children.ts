import { Children } from '../sandbox/run/children';

const all: Children[] = [];
let watching = false;

/** The processes of one measurement. One that dies ends the benchmark; they end with the benchmark, however that comes. */
export function ownChildren(): Children {
  const children = new Children((error) => {
    console.error(error.message);
    process.exit(1);
  });
  all.push(children);
  // Once for all: a listener for each measurement would be taken for a leak.
  if (!watching)
    process.once('exit', () => {
      for (const each of all) each.killAll();
    });
  watching = true;
  return children;
}
