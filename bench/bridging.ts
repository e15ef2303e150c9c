import { SCENARIOS } from '../test/bugs/scenarios.ts';
console.log(Object.keys(SCENARIOS).length);
