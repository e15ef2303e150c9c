import { describe, expect, it } from 'vitest';
import { loadPatch, loadPolicy, loadWorkload } from '#tlblab/engine/load.js';

const plugin = (name: string): string => `test/engine/plugins/${name}.mjs`;

/** The message of the rejection. */
async function refusal(loading: Promise<unknown>): Promise<string> {
  return loading.then(
    () => 'nothing was refused',
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

describe('load', () => {
  it('finds bundled policies by name and plug-ins by path', async () => {
    expect((await loadPolicy('mainline')).name).toBe('mainline');
    expect((await loadPolicy(plugin('throws'))).routines).toHaveProperty('flushTlbMmRange');
  });

  it('names those that exist when a name is unknown', async () => {
    expect(await refusal(loadPolicy('nevre'))).toMatchInlineSnapshot(
      `"BadInput: policy "nevre": no such name; expected one of never, eager, mainline, xen-clock, luf-v11, luf-coordinated, luf-v12, luf-v12-flag, or the path of a plug-in file"`,
    );
  });

  it('says in one line what is wrong with a plug-in', async () => {
    expect(await refusal(loadPolicy('./absent.mjs'))).toMatchInlineSnapshot(
      `"BadInput: ./absent.mjs: no such file; expected a module whose default export is a policy"`,
    );
    expect(await refusal(loadPolicy(plugin('no-default')))).toMatchInlineSnapshot(
      `"BadInput: test/engine/plugins/no-default.mjs: no default export; expected a module whose default export is a policy"`,
    );
    expect(await refusal(loadPolicy(plugin('not-made')))).toMatchInlineSnapshot(
      `"BadInput: test/engine/plugins/not-made.mjs: default export: not made with definePolicy; expected definePolicy({ … })"`,
    );
    expect(await refusal(loadPolicy(plugin('import-throws')))).toMatchInlineSnapshot(
      `"BadInput: test/engine/plugins/import-throws.mjs: the import failed: TypeError: not today; expected a module whose default export is a policy"`,
    );
  });

  it('does not take a policy for a patch, nor for a workload', async () => {
    expect(await refusal(loadPatch(plugin('throws')))).toMatchInlineSnapshot(
      `"BadInput: test/engine/plugins/throws.mjs: default export: not made with definePatch; expected definePatch({ … })"`,
    );
    const none = { names: [], get: () => Promise.reject(new Error('never asked')) };
    expect(await refusal(loadWorkload(plugin('throws'), none))).toMatchInlineSnapshot(
      `"BadInput: test/engine/plugins/throws.mjs: params: undefined; expected an object of texts"`,
    );
  });
});
