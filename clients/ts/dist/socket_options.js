// What does a socket stand on, and what does it tell?
export {};
