export const policy = 'exported under another name';
