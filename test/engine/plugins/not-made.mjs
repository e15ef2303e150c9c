export default { name: 'not-made', says: 'an object like any other', base: 'mainline 6.18', gates: {} };
