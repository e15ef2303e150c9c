/**
 * The hash of the model: of the compiled sources of everything that decides what a step does. An exact schedule is valid
 * for this hash only. Comments and blanks do not count.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MODEL = ['memory', 'hardware', 'kernel', 'policy', 'oracle', 'bugs', 'fixes', 'program', 'engine'];
const ROOT = fileURLToPath(new URL('..', import.meta.url));

let ofModel: string | undefined;
let ofHunter: string | undefined;

/** @param plugins paths of the plug-in files that take part, in their order. */
export function modelHash(plugins: readonly string[]): string {
  ofModel ??= hashOf(MODEL.flatMap((folder) => sources(`${ROOT}${folder}`)));
  return plugins.length === 0 ? ofModel : hashOf([...plugins], ofModel);
}

/** The hash of what draws programs and searches: where a hunt or a verification stood means something for this hash only. */
export function hunterHash(): string {
  ofHunter ??= hashOf(sources(`${ROOT}hunt`));
  return ofHunter;
}

function hashOf(files: readonly string[], start = ''): string {
  const hash = createHash('sha256').update(start);
  for (const file of files) hash.update(essence(readFileSync(file, 'utf8'))).update('\0');
  return hash.digest('hex').slice(0, 32);
}

/** Compiled files below a folder, in the order of their names; none if the folder does not exist. */
function sources(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true }) as string[];
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.js'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort()
    .map((name) => `${folder}/${name}`);
}

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|\s+|[\w$]+|[^\w\s$]/g;

/** Source text without comments, each run of blanks as one. Strings, templates and regular expressions stay as they are. */
export function essence(source: string): string {
  let text = '';
  let last = '';
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match; match = TOKEN.exec(source)) {
    let [token] = match;
    if (/^\s/.test(token)) continue;
    if (token.startsWith('//') || token.startsWith('/*')) continue;
    if (token.length > 1 && token[0] === '/' && endsValue(last)) {
      // a division: what follows is no regular expression
      token = '/';
      TOKEN.lastIndex = match.index + 1;
    }
    text += /[\w$]$/.test(text) && /^[\w$]/.test(token) ? ` ${token}` : token;
    last = token;
  }
  return text;
}

/** Can an expression end with this token? Then a slash behind it divides. */
function endsValue(token: string): boolean {
  if (/^(return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await)$/.test(token)) return false;
  return /[\w$)\]}'"`]$/.test(token);
}
