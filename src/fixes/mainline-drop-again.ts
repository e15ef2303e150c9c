/**
 * What a FUSE daemon has dropped is looked for twice. A read ahead that was under way may have put another folio in the place
 * of the one that the first look waited for; one that begins behind the first look reads what is new.
 */
import { definePatch } from '../bugs/patch.ts';

export const mainlineDropAgain = definePatch({
  name: 'mainline-drop-again',
  says: 'mainline: what a FUSE daemon has dropped is looked for once more, lest a read ahead has replaced it',
  source: 'findings/mainline-fuse-moved.md',
  asksRcu: false,

  *fuseReverseInvalInode(cpu, file, first, pages) {
    yield* cpu.kernel.invalidateInodePages2(cpu, file, first, first + pages);
    return yield* cpu.kernel.invalidateInodePages2(cpu, file, first, first + pages);
  },
  *fuseFinishOpen(cpu, file) {
    yield* cpu.kernel.invalidateInodePages2(cpu, file);
    yield* cpu.kernel.invalidateInodePages2(cpu, file);
    return 0;
  },
});
