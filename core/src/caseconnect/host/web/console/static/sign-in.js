// A one-time link carries its token behind the #, which no server and no log sees; it is posted, and gone from the bar.
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("token").value = token;
  document.getElementById("sign-in").submit();
}
