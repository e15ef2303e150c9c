/**
 * Programs as litmus text, in the convention of the field: a header, an initial state, one column per processor, a
 * final condition. Comments stand between `(*` and `*)`.
 *
 *     file      = "TLB" NAME [ '"says"' ] "{" { statement ";" } "}" names { row } [ final ]
 *     statement = "machine:" setting { "," setting }    cpus=2, geometry=tiny|small|full; cpus is the number of columns if left out
 *               | "override:" setting { "," setting }   parameters of the geometry: frames=20
 *               | "switches:" setting { "," setting }   pcid=false
 *               | "rounds:" NUMBER
 *               | "file" NAME NUMBER [ kind ]            a file and its length in pages, all its words zero
 *               | "task" TASK ":" trait { "," trait }   cpu=1 (default: the column), mm=1, forkedBy=P0, kthread, server, priority=1
 *               | NAME "=" "reserve" "(" NUMBER ")" [ at ]      names pages without mapping them
 *               | [ TASK ":" ] operation                the history, in order; without TASK: the first column
 *     kind      = "remote" | "fuse" | "memory" | "blockdev" | "iomap" | "device"   a server's; a daemon's; without a disk; a block
 *                                                       device; written by iomap; memory of a device
 *     names     = TASK { "|" TASK } ";"
 *     row       = cell { "|" cell } ";"                 as many cells as columns; a blank cell is no operation
 *     final     = ("forbidden" | "permitted") "(" term { "/\" term } ")" [ ";" ]
 *     term      = COLUMN ":" REGISTER "=" NUMBER        the column by number from 0, or by name
 *     operation = REGION "=" "mmap" "(" rights [ "," NUMBER ] { "," fixed | populate | shared | "file" NAME [ "[" NUMBER "]" ] } ")" [ at ]
 *               | keyword with fields as in litmus-ops.ts: load p[1].w2 -> r0, store p = 5, touch p write, munmap p[1] 1,
 *                 mprotect p r, mremap p -> q size 3, dontneed p, read f[0] -> r0, write f[0].w1 = 5, read f[0] direct -> r0,
 *                 write f[0] direct = 5, punch f[1] 2, dropcache f, reclaim f[0] 2,
 *                 reclaim p[1] 2 of P1, migrate f[0] sync, migrate p node 1, numascan p, kswapd node 1, compact sync, truncate f 1,
 *                 fsync f, msync p, open f, close f, lock f, unlock f, remote f[0].w1 = 5, notifystore f[0] = 5, notifyinval f[0] 2,
 *                 gup p[1] 2 fast -> r0, gup p w2 write = 5, kalloc 2 irqoff, kalloc locked, kfree, device 1, clearrefs,
 *                 uffdregister p, uffdwp p, uffdresolve p, pagemap p[1] 2 -> r0, uprobe f[0].w1 = 5, uprobe f[0].w1 off, ksm p of P0 with q of P1, revoke d,
 *                 fork P2, post f, await f, sleep, wake P1, move 1, offline 1, online 1, devmigrate p, …
 *     at        = "at" "@" NUMBER                       the page at which the region lies
 *     place     = REGION [ "[" NUMBER "]" ] | "@" NUMBER
 *
 * A region is bound once, at `at` or behind the regions before it in the text, and its name is known everywhere in the
 * file; mmap of a bound name maps there again. Where an operation takes a range, a bare `p` is the whole region as first
 * bound, `p[1]` one page, `p[1] 3` three. Reclaim and migration of a name that both a file and a region have mean the file;
 * of a region they mean what maps it in the address space of the task behind `of`, or of the acting one.
 */
export { parseLitmus } from './litmus-parser.ts';
export { printLitmus } from './litmus-printer.ts';
