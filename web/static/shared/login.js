// The login page: lead back to the whole address; browsers do not send what follows its #.

const next = document.querySelector("input[name=next]");
if (!next.value.includes("#")) next.value += location.hash;
