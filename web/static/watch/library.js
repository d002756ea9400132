// The library: hide posters that do not load, so that an empty frame remains.

for (const picture of document.querySelectorAll(".footage-picture img")) {
  const hide = () => picture.classList.add("missing");
  if (picture.complete && !picture.naturalWidth) hide();
  picture.addEventListener("error", hide);
}
