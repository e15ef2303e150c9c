/** A policy with some of its flush points as a plug-in file. */

/**
 * The text of a module whose default export is `base` with those points.
 * @param base a built-in name, or where a plug-in lies as seen from the new file: `./mine.mjs`
 */
export function policyFile(base: string, isFile: boolean, points: readonly string[], says: string): string {
  const policy = isFile ? 'base' : `policyNamed('${base}')`;
  const names = isFile ? 'withPoints' : 'policyNamed, withPoints';
  return [
    `// ${says}`,
    ...(isFile ? [`import base from '${base}';`] : []),
    `import { ${names} } from 'tlblab';`,
    '',
    `export default withPoints(${policy}, ${JSON.stringify(points)}, {`,
    `  name: 'synthesised',`,
    `  says: ${JSON.stringify(says)},`,
    '});',
    '',
  ].join('\n');
}
