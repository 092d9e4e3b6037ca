module github.com/chargehand/chargehand

go 1.26
