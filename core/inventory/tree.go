package inventory

import (
	"context"
	"strconv"
	"strings"

	"github.com/chargehand/chargehand/core/noun"
	"github.com/chargehand/chargehand/internal/errs"
)

// A node is a record of a tree: host groups, organizations, locations. Its
// title is the names from the root down, its ancestry their ids.
type node interface {
	node() (id int64, parent int64, name string, title, ancestry *string)
}

func (t *Taxonomy) node() (int64, int64, string, *string, *string) {
	return t.ID, t.ParentID, t.Name, &t.Title, &t.Ancestry
}

func (h *Hostgroup) node() (int64, int64, string, *string, *string) {
	return h.ID, h.ParentID, h.Name, &h.Title, &h.Ancestry
}

// AncestorIDs are the ids in an ancestry, the root first.
func AncestorIDs(ancestry string) []int64 {
	var ids []int64
	for part := range strings.SplitSeq(ancestry, "/") {
		if id, err := strconv.ParseInt(part, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// place gives a node the title and ancestry that its parent says.
func place[T any](ctx context.Context, c *noun.Change[T], of func(*T) node) error {
	id, parentID, name, title, ancestry := of(c.New).node()
	*title, *ancestry = name, ""
	if parentID != 0 {
		parent, err := noun.Load[T](ctx, c.Tx, parentID)
		if errs.Is(err, errs.NotFound) {
			return nil // validation says so
		}
		if err != nil {
			return err
		}
		pid, _, _, ptitle, pancestry := of(parent).node()
		*title = *ptitle + "/" + name
		*ancestry = strings.TrimPrefix(*pancestry+"/"+strconv.FormatInt(pid, 10), "/")
		for _, up := range append(AncestorIDs(*pancestry), pid) {
			if up == id && id != 0 {
				c.Fail("parent_id", "can't be a descendant of itself")
			}
		}
	}
	if len(*title) > 255 {
		c.Fail("title", "is too long (maximum is 255 characters)")
	}
	if strings.Contains(name, "/") {
		c.Fail("name", "can't contain /")
	}
	return unlikeSiblings(ctx, c, of)
}

// unlikeSiblings refuses a name that another child of the same parent has.
func unlikeSiblings[T any](ctx context.Context, c *noun.Change[T], of func(*T) node) error {
	id, parentID, name, _, _ := of(c.New).node()
	match := noun.Match{"parent": parentID}
	if parentID == 0 {
		match["parent"] = nil
	}
	siblings, err := noun.Find[T](ctx, c.Tx, match)
	for _, s := range siblings {
		if sid, _, sname, _, _ := of(s).node(); sid != id && strings.EqualFold(sname, name) {
			c.Fail("name", "has already been taken")
		}
	}
	return err
}

// follow rewrites titles and ancestries below a node that was renamed or moved.
func follow[T any](ctx context.Context, c *noun.Change[T], of func(*T) node) error {
	if c.Old == nil || c.New == nil {
		return nil
	}
	id, _, _, title, ancestry := of(c.New).node()
	_, _, _, oldTitle, oldAncestry := of(c.Old).node()
	if *title == *oldTitle && *ancestry == *oldAncestry {
		return nil
	}
	return followBelow(ctx, c.Tx, id, *title, *ancestry, of)
}

func followBelow[T any](ctx context.Context, tx *noun.Tx, id int64, title, ancestry string, of func(*T) node) error {
	children, err := noun.Find[T](ctx, tx, noun.Match{"parent": id})
	if err != nil {
		return err
	}
	for _, child := range children {
		cid, _, name, ctitle, cancestry := of(child).node()
		*ctitle = title + "/" + name
		*cancestry = strings.TrimPrefix(ancestry+"/"+strconv.FormatInt(id, 10), "/")
		if err := noun.Rewrite(ctx, tx, child, "title", "ancestry"); err != nil {
			return err
		}
		if err := followBelow(ctx, tx, cid, *ctitle, *cancestry, of); err != nil {
			return err
		}
	}
	return nil
}
