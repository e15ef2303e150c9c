/** Where the package keeps its own files. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The root of the package; compiled files lie three levels below it, in dist/src/cli. */
const PACKAGE_ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** `tlblab 0.1.0`. */
export function toolVersion(): string {
  const { name, version } = JSON.parse(readFileSync(`${PACKAGE_ROOT}package.json`, 'utf8')) as Record<string, string>;
  return `${name} ${version}`;
}
